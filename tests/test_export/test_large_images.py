"""Large images in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny_segmentor
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from onnx_page import NORMALISATION
from PIL import Image

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.pixel_windows import ArrayWindows
from mmseg_semisup.export import large_images
from mmseg_semisup.export.large_images import predict_large
from mmseg_semisup.export.prediction_files import PredictionFiles
from mmseg_semisup.export.window_predictor import LabelBlock, WindowPredictor

CLASSES = ["road", "sky", "car"]
PALETTE = [[0, 0, 0], [200, 0, 40], [0, 9, 250]]


class Blocks:
    """Predicts the remainder of the red channel, in blocks of 20 x 30 pixels."""

    def __call__(self, pixels):
        height, width = pixels.size
        for y in range(0, height, 20):
            for x in range(0, width, 30):
                rows, columns = (
                    slice(y, min(y + 20, height)),
                    slice(x, min(x + 30, width)),
                )
                labels = pixels.read(rows, columns)[..., 0] % 3
                yield LabelBlock(rows, columns, labels, labels / np.float32(2))


@pytest.mark.parametrize("longest", [2048, 40, 7])
def test_the_files_of_an_image(tmp_path, monkeypatch, longest):
    monkeypatch.setattr(large_images, "OVERVIEW", longest)
    shown = []
    monkeypatch.setattr(
        PredictionFiles, "overview", lambda *values: shown.append(values)
    )
    image = np.random.default_rng(0).integers(0, 256, (67, 93, 3), dtype=np.uint8)
    files = PredictionFiles(tmp_path, CLASSES, PALETTE, confidence=True)
    lines = []
    mean = predict_large(
        Blocks(), ArrayWindows(image), Path("a/b"), files, lines.append
    )
    labels = image[..., 0] % 3
    assert np.array_equal(Image.open(tmp_path / "masks" / "a" / "b.png"), labels)
    levels = Image.open(tmp_path / "confidence" / "a" / "b.png")
    assert np.array_equal(levels, (labels * 127.5).round())
    assert mean == pytest.approx(labels.mean() / 2)
    assert lines[-1] == "100 %, 0 s left"
    assert len(lines) == 4 * 4
    step = -(-93 // longest)
    ((_, name, picture, strided),) = shown
    assert name == Path("a/b")
    np.testing.assert_array_equal(picture, image[::step, ::step])
    np.testing.assert_array_equal(strided, labels[::step, ::step])


def config(test_cfg, size=None, **changes):
    model = {**tiny_segmentor(3), "test_cfg": test_cfg, **changes}
    model["data_preprocessor"] = {**NORMALISATION, "size": size}
    if size:
        model["data_preprocessor"].pop("size_divisor")
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}]
    return Config({"model": model, "test_pipeline": pipeline})


def predictor(cfg, *arguments, **options) -> WindowPredictor:
    init_default_scope("mmseg")
    torch.manual_seed(0)
    state = MODELS.build(cfg.model).state_dict()
    meta = {"dataset_meta": {"classes": CLASSES, "palette": PALETTE}}
    return WindowPredictor(
        cfg, {"state_dict": state, "meta": meta}, *arguments, **options
    )


SLIDE = {"mode": "slide", "crop_size": (32, 48), "stride": (20, 40)}


@pytest.mark.parametrize(
    ("test_cfg", "size", "options", "expected"),
    [
        (SLIDE, (64, 64), {}, ((32, 48), (12, 8))),
        (SLIDE, None, {"overlap": 3}, ((32, 48), (3, 3))),
        (SLIDE, None, {"window": 40}, ((40, 40), (10, 10))),
        ({"mode": "whole"}, (64, 80), {}, ((64, 80), (16, 20))),
        ({"mode": "whole"}, None, {}, ((1024, 1024), (256, 256))),
    ],
)
def test_the_config_knows_the_size_of_windows(test_cfg, size, options, expected):
    found = predictor(config(test_cfg, size), **options)
    assert (found.window, found.overlap) == expected


@pytest.mark.parametrize("networks", [["student"], ["student", "student"]])
def test_one_window_is_the_whole_image(networks):
    """Of several networks and of one, with images that a window is larger than."""
    found = predictor(config({"mode": "whole"}), networks)
    image = np.random.default_rng(0).integers(0, 256, (30, 41, 3), dtype=np.uint8)
    (block,) = found(ArrayWindows(image))
    x = (torch.from_numpy(image).permute(2, 0, 1).float()[None] - 120) / 60
    with torch.no_grad():
        meta = {"img_shape": x.shape[2:], "pad_shape": x.shape[2:]}
        probs = found.models[0].encode_decode(x, [meta])[0].softmax(dim=0)
    np.testing.assert_array_equal(block.labels, probs.argmax(dim=0))
    np.testing.assert_allclose(block.confidence, probs.amax(dim=0), rtol=1e-4)
    assert found.windows((30, 41)) == 1


@pytest.mark.parametrize("kind", ["EncoderDecoder", "ProbabilityEncoderDecoder"])
def test_without_overlap_it_is_slide_inference(kind):
    """With windows that share nothing, logits and probabilities are those of mmseg."""
    slide = {"mode": "slide", "crop_size": (16, 24), "stride": (16, 24)}
    found = predictor(config(slide, type=kind), batch_size=2)
    image = np.random.default_rng(0).integers(0, 256, (32, 72, 3), dtype=np.uint8)
    labels = np.zeros((32, 72), np.uint8)
    blocks = list(found(ArrayWindows(image)))
    assert len(blocks) == found.windows((32, 72)) == 6
    for block in blocks:
        labels[block.rows, block.columns] = block.labels
    x = (torch.from_numpy(image).permute(2, 0, 1).float()[None] - 120) / 60
    plain = MODELS.build(config(slide, type=kind).model).eval()
    plain.load_state_dict(found.models[0].state_dict())
    with torch.no_grad():
        expected = plain.inference(x, [{"ori_shape": (32, 72)}])[0].argmax(dim=0)
    np.testing.assert_array_equal(labels, expected)


def test_a_fused_segmentor_is_refused():
    with pytest.raises(ConfigError, match="classifies whole images"):
        WindowPredictor(Config({"model": {"type": "FusedSegmentor"}}), {})


MEMORY = """
import resource, sys
from pathlib import Path
import torch
from mmseg_semisup.datasets import pixel_windows
from mmseg_semisup.export.blended_windows import blended
from mmseg_semisup.export.large_images import predict_large
from mmseg_semisup.export.prediction_files import PredictionFiles
from mmseg_semisup.export.window_predictor import LabelBlock

CLASSES = 8
pixel_windows.KEPT = 2 ** 20


def predict(pixels):
    def scores(windows):
        return torch.cat([
            torch.from_numpy(pixels.read(*each)).permute(2, 0, 1)[:1, None].float()
            * torch.arange(CLASSES)[:, None, None] for each in windows])
    for rows, columns, values in blended(pixels.size, (256, 256), (64, 64), scores):
        top, labels = values.max(dim=0)
        yield LabelBlock(rows, columns, labels.byte().numpy(), top.numpy() * 0 + 1)


files = PredictionFiles(sys.argv[1], ["c"] * CLASSES, [[i] * 3 for i in range(CLASSES)])
for name in sys.argv[2:]:
    with pixel_windows.open_windows(name, sys.argv[1]) as pixels:
        predict_large(predict, pixels, Path(Path(name).stem), files,
                      lambda line: None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_image(tmp_path):
    """16 times the pixels of the first image: its logits would take 128 MB."""
    paths = []
    for side in (500, 2000):
        row = np.arange(side, dtype=np.uint8)
        image = Image.fromarray(np.repeat(np.stack([row] * 3, 1)[None], side, axis=0))
        paths.append(tmp_path / f"{side}.tif")
        image.save(paths[-1], compression="tiff_adobe_deflate", tiffinfo={278: 16})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEMORY, tmp_path, *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    small, large = (int(line) for line in done.stdout.split())
    assert large - small < 60_000
    assert Image.open(tmp_path / "masks" / "2000.png").size == (2000, 2000)
