from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.palette import full_palette
from mmseg_semisup.pseudo_masks.network import Labels, _first_best
from mmseg_semisup.pseudo_masks.quality import draw, quality, to_text
from mmseg_semisup.pseudo_masks.statistics import Statistics, collect, measure


def one_image(truth: bool, seed: int = 0, classes: int = 4):
    generator = np.random.default_rng(seed)
    predicted = generator.integers(0, classes, (13, 9), np.uint8)
    confidence = generator.random((13, 9), np.float32)
    true = np.where(generator.random((13, 9)) < 0.6, predicted, 1).astype(np.uint8)
    true[:2] = 255
    labels = Labels(torch.from_numpy(predicted), torch.from_numpy(confidence))
    counted = measure(labels, torch.from_numpy(true) if truth else None, classes)
    return predicted, confidence, true, collect(counted.numpy(), truth, classes)


def slow_quality(predicted, confidence, true, classes):
    """Pixel by pixel, in the words of the definitions."""
    known = true != 255
    levels = np.round(confidence * 255)
    ious = []
    for c in range(classes):
        p, t = (predicted == c) & known, (true == c) & known
        if (p | t).any():
            ious.append((p & t).sum() / (p | t).sum())
    right = (predicted == true)[known].mean()
    sure = levels >= np.ceil(0.9 * 255)
    return (
        100 * np.mean(ious),
        100 * right,
        100 * sure.mean(),
        100 * (predicted == true)[known & sure].mean(),
    )


@pytest.mark.parametrize("classes", [4, 200])
def test_against_a_slow_count(classes):
    predicted, confidence, true, statistics = one_image(True, classes=classes)
    found = quality(statistics, [str(i) for i in range(classes)])
    miou, right, kept, right_of_kept = slow_quality(
        predicted, confidence, true, classes
    )
    at = found["thresholds"].index(0.9)
    assert found["mIoU"] == pytest.approx(miou, abs=0.006)
    assert found["accuracy"] == pytest.approx(right, abs=0.006)
    assert found["kept"][at] == pytest.approx(kept, abs=0.006)
    assert found["accuracy_of_kept"][at] == pytest.approx(right_of_kept, abs=0.006)
    assert found["mean_confidence"] == pytest.approx(100 * confidence.mean(), abs=0.01)
    assert sum(found["by_confidence"]["share"]) == pytest.approx(100, abs=0.1)


def test_without_truth_there_is_no_accuracy():
    *_, statistics = one_image(False)
    found = quality(statistics, list("abcd"))
    assert found["mIoU"] is None
    assert found["accuracy"] is None
    assert found["images_with_truth"] == 0
    assert found["kept"][0] > 0
    assert "true masks" not in to_text({"unlabeled": found})


@pytest.mark.parametrize("silent", [False, True])
def test_true_masks_that_ignore_all_that_is_labelled_are_no_truth(silent):
    predicted = torch.arange(12, dtype=torch.uint8).reshape(3, 4) % 3
    true = torch.full((3, 4), 255, dtype=torch.uint8)
    if silent:
        predicted[0], true[0] = 255, 1
    counted = measure(Labels(predicted, torch.full((3, 4), 0.75)), true, 3)
    statistics = collect(counted.numpy(), True, 3)
    found = quality(statistics, list("abc"))
    assert found["images_with_truth"] == 1
    assert found["accuracy"] is None
    assert to_text({"labeled": found}).endswith("at least 0.9: 0.0 % of the pixels")
    assert draw({"labeled": statistics}, {"labeled": found}, list("abc"))


def test_sums_survive_json():
    first, second = (one_image(True, seed)[-1] for seed in (1, 2))
    both = first + Statistics.from_json(json.loads(json.dumps(second.to_json())))
    assert both.images == 2
    np.testing.assert_array_equal(both.levels, first.levels + second.levels)
    assert both.levels.sum() == both.classes.sum() == 2 * 13 * 9


def test_picture_and_figures_are_written(make, tmp_path):
    make(confidence=True)
    found = json.loads((tmp_path / "store" / "quality.json").read_text())
    assert set(found) == {"labeled", "unlabeled"}
    assert found["unlabeled"]["images_with_truth"] == 4
    with Image.open(tmp_path / "store" / "quality.png") as picture:
        assert picture.size[0] > 1000
        assert np.array(picture.convert("L")).std() > 5
    with Image.open(tmp_path / "store" / "samples.png") as picture:
        assert picture.size[1] > 6 * 200


def test_first_of_equal_scores():
    scores = torch.randint(0, 3, (5, 8, 9)).float()
    expected = scores.numpy().argmax(axis=0)
    np.testing.assert_array_equal(_first_best(scores).numpy(), expected)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (300, 2)])
def test_png_can_be_read(shape):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    grey = Image.open(io.BytesIO(encode_labels(values)))
    assert grey.mode == "L"
    np.testing.assert_array_equal(np.array(grey), values)
    indexed = Image.open(io.BytesIO(encode_labels(values, full_palette([[1, 2, 3]]))))
    assert indexed.mode == "P"
    assert indexed.getpalette()[:6] == [1, 2, 3, 0, 0, 0]
    np.testing.assert_array_equal(np.array(indexed), values)
