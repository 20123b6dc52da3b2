"""Pictures of contexts and of features."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.visualization import ContextPictureHook
from mmseg_semisup.visualization.contexts import (
    BEYOND,
    FIRST_PULLED,
    NOT_PULLED,
    SECOND_PULLED,
    compare_contexts,
    draw_contexts,
)
from mmseg_semisup.visualization.embeddings import draw_features, flatten_features
from mmseg_semisup.visualization.panels import GAP, TITLE_HEIGHT

VIEWS = ("unlabeled", "unlabeled_second")


@pytest.fixture
def model():
    objective = {
        "type": "ContextContrastObjective",
        "in_channels": 8,
        "projector": {"channels": 6},
        "gamma": 0.26,
        "bank_size": 50,
    }
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "objectives": [objective],
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()


def crops():
    data = batch(size=32, views=VIEWS)
    shift = torch.tensor([[1.0, 0, 8], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
    for sample in data["data_samples"][VIEWS[1]]:
        sample.set_metainfo({"homography": shift})
        sample.set_metainfo({"source_shape": (32, 24)})
    return data


def test_looking_changes_nothing(model):
    before = {k: v.clone() for k, v in model.state_dict().items()}
    _, _, pairs = compare_contexts(model, crops())
    assert pairs.overlap.shape == (2, 4, 4)
    assert model.training
    assert not pairs.first.features.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_draws_a_row_an_image(model):
    one, two = (draw_contexts(model, crops(), count) for count in (1, 5))
    assert one.dtype == two.dtype == np.uint8
    assert two.shape[0] - one.shape[0] == 240 + TITLE_HEIGHT + GAP
    colors = {tuple(c) for c in two[:, -200:].reshape(-1, 3)}
    assert BEYOND in colors
    assert colors & {FIRST_PULLED, SECOND_PULLED, NOT_PULLED}


def test_hook_draws_every_so_often(model):
    drawn = []
    visualizer = SimpleNamespace(
        add_image=lambda name, picture, step: drawn.append((name, step))
    )
    hook = ContextPictureHook(interval=2)
    for iteration in range(4):
        runner = SimpleNamespace(
            rank=0, iter=iteration, model=model, visualizer=visualizer
        )
        hook.after_train_iter(runner, iteration, crops())
    assert drawn == [("contexts", 2), ("contexts", 4)]


def test_nothing_to_draw():
    model = MODELS.build({"type": "SemiSegmentor", "segmentor": tiny_segmentor()})
    with pytest.raises(ValueError, match="no ContextContrastObjective"):
        draw_contexts(model, crops())


def test_pca_finds_the_plane():
    plane = torch.randn(50, 2) * torch.tensor([5.0, 1.0])
    turn = torch.linalg.qr(torch.randn(6, 6)).Q
    features = torch.cat([plane, torch.zeros(50, 4)], dim=1) @ turn
    flat = flatten_features(features)
    assert flat.amin() == 0
    assert flat.amax() == 1
    for i in range(2):
        correlation = np.corrcoef(flat[:, i], plane[:, i])[0, 1]
        assert abs(correlation) > 0.95
    assert flatten_features(torch.ones(3, 1)).shape == (3, 2)


def test_tsne_keeps_clusters_apart():
    torch.manual_seed(0)
    features = torch.randn(40, 6) * 0.01
    features[20:] += 5
    flat = flatten_features(features, "tsne")
    assert flat.shape == (40, 2)
    assert (flat.amin(), flat.amax()) == (0, 1)
    near = torch.cdist(flat, flat).fill_diagonal_(9).argmin(dim=1)
    assert torch.equal(near < 20, torch.arange(40) < 20)


def test_classes_are_named_below_the_plots():
    features = torch.randn(20, 6)
    labels = torch.full((20,), 2)
    palette = [[255, 0, 0], [0, 0, 9], [0, 255, 0]]
    plain, named = (
        draw_features({"a": features}, {"a": labels}, palette, names=names)
        for names in (None, ["one", "two", "three"])
    )
    assert np.array_equal(plain, named[: len(plain)])
    legend = named[len(plain) :]
    assert (legend == [0, 255, 0]).all(-1).any()
    assert not (legend == [255, 0, 0]).all(-1).any()
    assert len(legend) < 40


def test_a_segmentor_alone_is_drawn_without_projector(model, capsys):
    path = Path(__file__).parents[2] / "tools/draw_contexts.py"
    spec = importlib.util.spec_from_file_location("draw_contexts_tool", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    state["segmentor.decode_head.conv_seg.bias"] += 1
    tool.load_weights(model, state)
    assert model.objectives[0].projector is not None
    supervised = {k: v for k, v in state.items() if not k.startswith("objectives.")}
    tool.load_weights(model, supervised)
    assert "no projector" in capsys.readouterr().out
    _, _, pairs = compare_contexts(model, crops())
    assert pairs.first.features.shape[2] == 8
    with pytest.raises(RuntimeError, match="Missing key"):
        tool.load_weights(model, {})


def test_draws_views_in_one_space():
    features = torch.randn(20, 6)
    labels = torch.randint(0, 2, (20,))
    picture = draw_features(
        {"a": features, "b": features},
        {"a": labels, "b": labels},
        [[255, 0, 0], [0, 0, 9]],
    )
    half = (picture.shape[1] - 4) // 2
    assert np.array_equal(picture[30:, :half], picture[30:, -half:])
    assert (picture == [255, 0, 0]).all(-1).any()


def test_mistakes_are_named(monkeypatch):
    with pytest.raises(ValueError, match="embeddings='umap'"):
        flatten_features(torch.rand(5, 3), "umap")
    with pytest.raises(ValueError, match="1 features"):
        flatten_features(torch.rand(1, 3))
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ValueError, match="needs scikit-learn"):
        flatten_features(torch.rand(5, 3), "tsne")
