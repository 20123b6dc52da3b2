"""Rectangles of noise: how large they are, where, and what they hide."""

from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_semisup.datasets import NoiseCutout


def run(transform, size=(50, 70), seed=0):
    np.random.seed(seed)
    results = {
        "img": np.full((*size, 3), 300, np.int32),
        "gt_seg_map": np.ones(size, np.uint8),
        "seg_fields": ["gt_seg_map"],
    }
    return transform(results)


def holes(count=400, **arguments):
    """Top, bottom, left and right of each rectangle, and whether all is consistent."""
    for seed in range(count):
        results = run(NoiseCutout(**arguments), seed=seed)
        hidden = results["gt_seg_map"] == 255
        changed = (results["img"] != 300).all(axis=2)
        assert np.array_equal(hidden, changed)
        rows, columns = np.nonzero(hidden.any(1))[0], np.nonzero(hidden.any(0))[0]
        if len(rows):
            bounds = (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)
            assert hidden[bounds[0] : bounds[1], bounds[2] : bounds[3]].all()
            yield bounds


def test_rectangles_have_the_published_prior():
    found = np.array(list(holes(prob=1.0)))
    assert len(found) == 400
    rows, columns = found[:, 1] - found[:, 0], found[:, 3] - found[:, 2]
    share, ratio = rows * columns / (50 * 70), rows / columns
    assert 0.015 < share.min() < 0.05
    assert 0.3 < share.max() <= 0.4
    assert ratio.min() < 0.6
    assert 2 < ratio.max() < 4.5
    assert (found[:, 0] == 0).mean() < 0.2


def test_half_of_the_images_are_changed():
    assert 160 < len(list(holes())) < 240
    assert len(list(holes(count=20, prob=0.0))) == 0


def test_the_noise_is_uniform_and_of_each_pixel():
    results = run(NoiseCutout(prob=1.0, area=(0.3, 0.4)))
    noise = results["img"][results["gt_seg_map"] == 255]
    assert 0 <= noise.min() < 5
    assert 250 < noise.max() <= 255
    assert abs(noise.mean() - 127) < 5
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.15


def test_the_smallest_images():
    for size in ((1, 1), (1, 9), (2, 2)):
        assert run(NoiseCutout(prob=1.0), size)["img"].shape == (*size, 3)


def test_a_rectangle_that_never_fits_is_clipped():
    large = NoiseCutout(prob=1.0, area=(0.9, 0.95), aspect=(1, 1))
    hidden = run(large, (10, 100))["gt_seg_map"] == 255
    assert hidden[:, :30].all()
    assert not hidden[:, 31:].any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prob": 1.5}, "prob=1.5"),
        ({"area": (0.5, 0.4)}, "area="),
        ({"area": (0.1, 1.0)}, "area="),
        ({"aspect": (3, 2)}, "aspect="),
    ],
)
def test_bad_arguments(changes, words):
    with pytest.raises(ValueError, match=words):
        TRANSFORMS.build({"type": "NoiseCutout", **changes})
