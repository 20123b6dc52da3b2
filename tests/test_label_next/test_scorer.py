"""Scores of a tiny training's networks against what its model itself predicts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.export.predictor import load_model
from mmseg_semisup.label_next.candidates import list_candidates
from mmseg_semisup.label_next.criteria import disagreement_map
from mmseg_semisup.label_next.scorer import (
    Scorer,
    default_networks,
    pooled_features,
)
from mmseg_semisup.label_next.views import Mirrored, Smaller
from mmseg_semisup.pseudo_masks.images import Item


@pytest.fixture
def item(cfg) -> Item:
    """An image without a mask."""
    return list_candidates(cfg).unlabeled[0]


def true_probs(cfg, checkpoint, scorer, item, network: str) -> torch.Tensor:
    """Probabilities that mmseg's own prediction gives, (1, C, H, W)."""
    model = load_model(cfg, load_checkpoint_file(checkpoint), network)
    with torch.no_grad():
        sample = model.test_step(pseudo_collate([scorer.load(item)]))[0]
    return sample.seg_logits.data.softmax(dim=0)[None]


def mean_entropy(probs: torch.Tensor) -> float:
    p = probs.double()
    return float(-(p * p.log()).sum(dim=1).mean()) / math.log(probs.shape[1])


def test_uncertainty_and_shares_are_those_of_the_prediction(
    cfg, checkpoint, scorer, item
):
    probs = true_probs(cfg, checkpoint, scorer, item, "student")
    scores = scorer.score([scorer.load(item)])
    assert scores.uncertainty[0] == pytest.approx(mean_entropy(probs), rel=1e-4)
    np.testing.assert_allclose(scores.shares[0], probs[0].mean(dim=(1, 2)), rtol=1e-4)


def test_networks_are_student_and_teacher(cfg, checkpoint, scorer, item):
    assert scorer.names == ["student", "teacher"]
    both = [true_probs(cfg, checkpoint, scorer, item, name) for name in scorer.names]
    mean = sum(both) / 2
    expected = mean_entropy(mean) - sum(map(mean_entropy, both)) / 2
    scores = scorer.score([scorer.load(item)])
    # Of two predictions, log 2 is the greatest divergence, not log C.
    factor = math.log(3) / math.log(2)
    assert scores.networks[0] == pytest.approx(factor * expected, rel=1e-3)
    assert scores.networks[0] > 0
    alone = Scorer(cfg, load_checkpoint_file(checkpoint), ["teacher"])
    assert np.isnan(alone.score([alone.load(item)]).networks).all()


def test_views_are_the_mirror_image_and_the_smaller_copy(cfg, checkpoint, scorer, item):
    model = load_model(cfg, load_checkpoint_file(checkpoint), "student").segmentor
    image = scorer.load(item)
    batch = model_batch(model, cfg, image)
    predictions = []
    with torch.no_grad():
        for apply, undo in (
            (lambda x: x, lambda x: x),
            (Mirrored().apply, Mirrored().undo),
            (Smaller().apply, Smaller().undo),
        ):
            logits = model.inference(apply(batch["inputs"]), batch["metas"])
            predictions.append(undo(logits.softmax(dim=1)))
    expected = disagreement_map(predictions).mean()
    assert scorer.score([image]).views[0] == pytest.approx(float(expected), rel=1e-4)


def model_batch(model, cfg, image) -> dict:
    """A preprocessed batch of one image, whose even sides need no padding."""
    assert all(side % 2 == 0 for side in image["inputs"].shape[1:])
    pixels = image["inputs"].flip(0)[None].float()
    stated = cfg.model.data_preprocessor
    inputs = (pixels - stated.mean[0]) / stated.std[0]
    meta = {**image["data_samples"].metainfo, "pad_shape": inputs.shape[2:]}
    return {"inputs": inputs, "metas": [meta]}


def test_features_are_the_mean_of_the_last_map(cfg, checkpoint, scorer, item):
    model = load_model(cfg, load_checkpoint_file(checkpoint), "student").segmentor
    image = scorer.load(item)
    with torch.no_grad():
        last = model.backbone(model_batch(model, cfg, image)["inputs"])[-1]
    expected = last.mean(dim=(2, 3))[0]
    expected = (expected / expected.norm()).numpy()
    found = scorer.score([image]).features
    assert found.dtype == np.float16
    np.testing.assert_allclose(found[0], expected, atol=1e-3)


def test_a_batch_scores_like_its_images(cfg, scorer):
    items = list_candidates(cfg).unlabeled
    loaded = [scorer.load(item) for item in items]
    shape = loaded[0]["inputs"].shape
    equal = [image for image in loaded if image["inputs"].shape == shape]
    assert len(equal) > 1
    together = scorer.score(equal)
    for place, image in enumerate(equal):
        alone = scorer.score([image])
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_allclose(all_of_them[place], one[0], atol=2e-3)


def test_the_maps_have_the_scores_as_means(scorer, item):
    image = scorer.load(item)
    maps, scores = scorer.maps(image), scorer.score([image])
    assert maps.labels.shape == maps.uncertainty.shape == maps.disagreement.shape
    assert maps.uncertainty.mean() == pytest.approx(float(scores.uncertainty[0]))
    assert 0 <= maps.disagreement.min() <= maps.disagreement.max() <= 1


def test_the_predicting_network_is_the_first():
    model = {"teacher": {"momentum": 0.9}, "networks": {"peer": {}}}
    assert default_networks(model) == ["student", "teacher", "peer"]
    model["test_cfg"] = {"predict_with": "teacher"}
    assert default_networks(model) == ["teacher", "student", "peer"]
    assert default_networks({"type": "EncoderDecoder"}) == ["student"]


class Gives(nn.Module):
    def __init__(self, output) -> None:
        super().__init__()
        self.output = output

    def forward(self, images):
        return self.output


def test_the_last_map_is_found_beside_tokens():
    first, last, token = (
        torch.rand(1, 2, 3, 3),
        torch.rand(1, 4, 2, 2),
        torch.rand(1, 4),
    )
    expected = last.mean(dim=(2, 3))
    for output in (
        last,
        [first, last],
        (first, (last, token)),
        {"a": first, "b": last},
    ):
        module = Gives(output)
        with pooled_features(module) as kept:
            module(None)
            module(None)
        module(None)
        assert len(kept) == 2
        assert torch.equal(kept[0], expected)
    module = Gives(token)
    with pytest.raises(ConfigError, match="gives no map"), pooled_features(module):
        module(None)


def test_what_cannot_score(cfg, checkpoint, scorer):
    state = load_checkpoint_file(checkpoint)
    with pytest.raises(ConfigError, match="network='techer'.*did you mean 'teacher'"):
        Scorer(cfg, state, ["techer"])
    fused = Config({"model": {"type": "FusedSegmentor"}})
    with pytest.raises(ConfigError, match="FusedSegmentor cannot score"):
        Scorer(fused, state)
    with pytest.raises(StoreError, match="nowhere.png"):
        scorer.load(Item("a", "nowhere.png", "unlabeled"))
