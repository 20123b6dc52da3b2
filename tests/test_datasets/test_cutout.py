"""Cutout: where its squares are, and what they hide."""

from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_semisup.datasets import Cutout


def run(transform, size=(50, 70), seed=0):
    np.random.seed(seed)
    results = {
        "img": np.full((*size, 3), 10, np.uint8),
        "gt_seg_map": np.ones(size, np.uint8),
        "seg_fields": ["gt_seg_map"],
    }
    return transform(results)


def test_labels_under_the_squares_count_unless_ignored():
    kept, ignored = run(Cutout()), run(Cutout(ignore=True))
    assert (kept["gt_seg_map"] == 1).all()
    hidden = (ignored["img"] == 127).all(axis=2)
    assert np.array_equal(ignored["gt_seg_map"] == 255, hidden)
    assert 0 < hidden.sum() <= 3 * 32 * 32
    assert (ignored["img"][~hidden] == 10).all()


def test_centres_are_uniform_and_squares_are_cut_at_the_border():
    counts = np.zeros((12, 12))
    for seed in range(400):
        counts += run(Cutout(1, 4), (12, 12), seed)["img"][..., 0] == 127
    # A pixel is hidden by the centres in a square around it, fewer in a corner.
    inner, corner = counts[2:10, 2:10].mean() / 400, counts[0, 0] / 400
    assert abs(inner - 16 / 144) < 0.02
    assert abs(corner - 9 / 144) < 0.04


def test_no_holes():
    assert (run(Cutout(num_holes=0))["img"] == 10).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_holes": -1}, "num_holes=-1"),
        ({"size": 0}, "size=0"),
        ({"size": 7}, "size=7"),
        ({"fill": -2}, "fill=-2"),
    ],
)
def test_bad_arguments(changes, words):
    with pytest.raises(ValueError, match=words):
        TRANSFORMS.build({"type": "Cutout", **changes})
