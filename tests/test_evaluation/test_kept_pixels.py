"""What thresholds keep, against a count of pixel by pixel in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from processes import in_two_processes

from mmseg_semisup.evaluation import kept_pixels
from mmseg_semisup.evaluation.kept_pixels import KeptPixels, KeptPixelsMetric

CLASSES = ("ground", "cat", "dog")
IGNORED = 255


def predictions(seed, images=2, size=8, ignored=0.2):
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for _ in range(images):
        logits = 2 * torch.randn(3, size, size, generator=generator)
        noisy = logits + torch.randn(3, size, size, generator=generator)
        label = noisy.argmax(0, keepdim=True)
        hidden = torch.rand(1, size, size, generator=generator) < ignored
        samples.append(
            {
                "seg_logits": {"data": logits},
                "pred_sem_seg": {"data": logits.argmax(0, keepdim=True)},
                "gt_sem_seg": {"data": label.masked_fill(hidden, IGNORED)},
            }
        )
    return samples


def counted(samples, level):
    metric = KeptPixelsMetric(lambda x: x.softmax(0), 3, IGNORED, "learn")
    metric.dataset_meta = {"classes": CLASSES}
    metric.level = level
    for sample in samples:
        metric.process({}, [sample])
    return metric, metric.evaluate(len(samples))


def slow(samples, level):
    """Precision of all and of each class, and kept share, in percent."""
    total, kept, right = 0, [0] * 3, [0] * 3
    for sample in samples:
        probs = sample["seg_logits"]["data"].double().softmax(0).permute(1, 2, 0)
        labels = sample["gt_sem_seg"]["data"].flatten().tolist()
        for pixel, label in zip(probs.reshape(-1, 3).tolist(), labels, strict=True):
            if label == IGNORED:
                continue
            total += 1
            c = pixel.index(max(pixel))
            if pixel[c] >= level[c]:
                kept[c] += 1
                right[c] += c == label
    share = lambda part, whole: 100 * part / whole if whole else math.nan  # noqa: E731
    of_classes = [share(r, k) for r, k in zip(right, kept, strict=True)]
    return share(sum(right), sum(kept)), of_classes, share(sum(kept), total)


@pytest.mark.parametrize(
    "level", [0.7, torch.tensor([0.9, 0.4, 0.6]), 0.0, torch.tensor([0.5, 1.1, 0.5])]
)
def test_equal_to_a_count_of_each_pixel(level):
    samples = predictions(0)
    _, found = counted(samples, level)
    each = torch.as_tensor(level).expand(3).tolist()
    precision, of_classes, kept = slow(samples, each)
    assert found["learn/precision"] == pytest.approx(precision, abs=0.005)
    assert found["learn/kept"] == pytest.approx(kept, abs=0.005)
    for name, value in zip(CLASSES, of_classes, strict=True):
        assert found[f"learn/precision/{name}"] == pytest.approx(
            value, abs=0.005, nan_ok=True
        )
    assert kept > 0
    if each[1] > 1:
        assert math.isnan(found["learn/precision/cat"])


@pytest.mark.parametrize("values", [1, 100])
def test_large_images_are_counted_row_by_row(monkeypatch, values):
    _, expected = counted(predictions(0), 0.7)
    monkeypatch.setattr(kept_pixels, "VALUES", values)
    assert counted(predictions(0), 0.7)[1] == expected


def test_ignored_images_and_a_second_validation():
    metric, found = counted(predictions(0, ignored=1.1), 0.5)
    assert all(math.isnan(value) for value in found.values())
    assert "no pixel of the validated images is kept" in metric.found.sentence()
    metric.process({}, predictions(1))
    again = metric.evaluate(2)
    assert again == counted(predictions(1), 0.5)[1]


@pytest.mark.parametrize("missing", ["seg_logits", "gt_sem_seg"])
def test_predictions_without_masks_or_logits_do_not_count(missing):
    whole, partial = predictions(0)[0], predictions(1)[0]
    del partial[missing]
    assert counted([whole, partial], 0.7)[1] == counted([whole], 0.7)[1]


def test_a_validation_without_images():
    _, found = counted([], 0.5)
    assert all(math.isnan(value) for value in found.values())


def test_one_threshold_for_all_classes():
    metric, _ = counted(predictions(0), torch.tensor([0.9, 0.4, 0.6]))
    precision, kept = metric.found.at(0.8)
    _, found = counted(predictions(0), (0.8 * 255 - 0.5) / 255)
    assert 100 * precision == pytest.approx(found["learn/precision"], abs=0.005)
    assert 100 * kept == pytest.approx(found["learn/kept"], abs=0.005)
    curve, shares = metric.found.curve()
    assert curve[204] == pytest.approx(precision)
    assert shares[204] == pytest.approx(kept)
    assert shares[0] == 1
    assert (np.diff(shares) <= 0).all()
    cats = metric.found.counts[1]
    curve, shares = metric.found.curve(1)
    assert curve[0] == pytest.approx(cats[1].sum() / cats.sum())


def kept(right, wrong, level=0.5):
    """Pixels of one class by the hundredth of their confidence."""
    counts = np.zeros((1, 2, 2, 256))
    for number, side in ((1, right), (0, wrong)):
        for hundredth, pixels in side.items():
            place = round(hundredth * 2.55)
            counts[0, number, int(hundredth >= 100 * level), place] += pixels
    return KeptPixels(counts, np.array([level]), ("cat",))


@pytest.mark.parametrize(
    ("found", "wanted", "text"),
    [
        (kept({90: 9}, {60: 1}), None, "kept, 90.0 % of them right"),
        (kept({90: 3}, {60: 7}), None, "fewer than 50 %; a threshold of 0.61 would ke"),
        (kept({90: 9}, {60: 1}), 0.95, "95 %; a threshold of 0.61 would keep 90.0 %, "),
        (kept({90: 1}, {90: 9}), None, "fewer than 50 %; no higher threshold reaches"),
        (kept({}, {20: 9}), None, "confidence 0.5: no pixel of the validated images"),
    ],
)
def test_advice(found, wanted, text):
    assert text in found.sentence(wanted)


def test_no_advice_where_the_precision_is_as_wanted():
    assert kept({90: 9}, {60: 1}).sentence(0.9).endswith("90.0 % of them right")


def test_thresholds_of_classes_are_named_by_their_range():
    metric, _ = counted(predictions(0), torch.tensor([0.9, 0.4, 0.6]))
    assert metric.found.sentence().startswith("confidence 0.4 to 0.9: ")
    assert "fewer than 90 %" in metric.found.sentence()


def count_own(rank):
    return counted(predictions(rank), 0.7)[1]


@pytest.mark.slow
def test_two_processes_count_together():
    _, both = counted([*predictions(0), *predictions(1)], 0.7)
    assert in_two_processes(count_own) == [both, both]
