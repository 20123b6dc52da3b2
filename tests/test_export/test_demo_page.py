"""The page's logic, without gradio, and its parts, with a stub of gradio."""

from __future__ import annotations

import copy
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from tiny_training import MODEL, write_checkpoint

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.demo_page import MEAN, Demo, build_page, draw
from mmseg_semisup.export.predictor import PredictedImage, Predictor

PIPELINE = """
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
"""
LABELS = np.array([[0, 0, 0, 1]], np.uint8)
CONFIDENCE = np.array([[0.9, 0.5, 0.7, 0.8]], np.float32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Config, dict]:
    path = tmp_path_factory.mktemp("demo") / "tiny.py"
    path.write_text(MODEL + PIPELINE)
    return Config.fromfile(path), load_checkpoint_file(write_checkpoint(path))


@pytest.fixture(scope="module")
def demo(trained) -> Demo:
    return Demo(*trained)


@pytest.fixture
def photo(tmp_path) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


def test_networks_of_a_training(demo, photo):
    assert demo.networks == ["student", "teacher", MEAN]
    shown = {name: demo.show(photo, name) for name in demo.networks}
    # The picture is widened for its legend, which is below.
    height, width, _ = shown["student"].mask.shape
    assert (height > 24 + 20, width) == (True, 240)
    assert shown["student"].confidence.shape[0] > 24 + 20
    assert not np.array_equal(shown["student"].confidence, shown["teacher"].confidence)
    expected = demo._predictors["teacher"](photo)
    shares = {row[0]: float(row[1]) for row in shown["teacher"].rows}
    for number, name in enumerate(demo.classes):
        share = 100 * (expected.labels == number).mean()
        assert abs(shares.get(name, 0) - share) <= 0.05 + 1e-9


@pytest.mark.parametrize(
    ("predict_with", "first"),
    [("teacher", "teacher"), (["student", "teacher"], MEAN), (None, "student")],
)
def test_the_network_that_predicts_comes_first(trained, predict_with, first):
    cfg, checkpoint = copy.deepcopy(trained)
    if predict_with:
        cfg.model.test_cfg = dict(predict_with=predict_with)
    assert Demo(cfg, checkpoint).first == first


def test_a_slider_does_not_predict_again(demo, photo, monkeypatch):
    first = demo.show(photo)
    calls = []
    monkeypatch.setattr(Predictor, "predict", lambda *_: calls.append(1))
    again = demo.show(photo, threshold=1.0, opacity=0.0)
    assert not calls
    assert again.rows[-1][0] == "below the threshold"
    assert not np.array_equal(first.mask, again.mask)


def test_pixels_below_the_threshold_have_no_class():
    picture = np.zeros((1, 4, 3), np.uint8)
    found = PredictedImage(LABELS, CONFIDENCE)
    palette = [[200, 0, 0], [0, 100, 0]]
    shown = draw(picture, found, ["road\x1b", "sky"], palette, 0.6, 1.0)
    assert shown.mask.tolist() == [
        [[200, 0, 0], [224, 224, 224], [200, 0, 0], [0, 100, 0]]
    ]
    assert shown.rows == [
        ["road\\x1b", "50.0", "0.80"],
        ["sky", "25.0", "0.80"],
        ["below the threshold", "25.0", "0.50"],
    ]
    assert shown.colours == {
        "road\\x1b": [200, 0, 0],
        "sky": [0, 100, 0],
        "below the threshold": (224, 224, 224),
    }
    assert draw(picture, found, ["road", "sky"], palette, 0.0, 1.0).rows == [
        ["road", "75.0", "0.70"],
        ["sky", "25.0", "0.80"],
    ]


def test_the_page_passes_its_values_to_the_network(photo, monkeypatch, tmp_path):
    gr = MagicMock()
    gr.Error = RuntimeError
    monkeypatch.setitem(sys.modules, "gradio", gr)
    values = []
    shown = SimpleNamespace(mask=1, confidence=2, rows=[])
    demo = SimpleNamespace(
        networks=["student"],
        first="student",
        show=lambda *given: values.append(given) or shown,
    )
    assert build_page(demo, "cats") is gr.Blocks.return_value.__enter__.return_value
    (changes, show), wiring = gr.on.call_args
    assert gr.Image.return_value.change in changes
    assert gr.Slider.return_value.change in changes
    assert wiring["inputs"][0] is gr.Image.return_value
    assert show(photo, "student", 0.5, 0.2) == (1, 2, [])
    assert values == [(photo, "student", 0.5, 0.2)]
    assert show(None, "student", 0.5, 0.2) == (None, None, [])
    assert len(values) == 1


def test_an_image_that_cannot_be_read_is_named(demo, monkeypatch, tmp_path):
    gr = MagicMock()
    gr.Error = RuntimeError
    monkeypatch.setitem(sys.modules, "gradio", gr)
    build_page(demo, "cats")
    (_, show), _ = gr.on.call_args
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(RuntimeError, match="^broken.jpg: "):
        show(str(tmp_path / "broken.jpg"), "student", 0.0, 0.5)


def test_without_gradio(demo, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ConfigError, match="gradio, which is not installed; run `pip"):
        build_page(demo, "cats")
