from __future__ import annotations

import numpy as np
import pytest

from mmseg_semisup.annotation_files import AnnotationError
from mmseg_semisup.annotation_files.runs import from_runs, placed_runs, to_runs

from .drawn import blobs


@pytest.mark.parametrize("first", [True, False])
def test_runs_and_back(first):
    pixels = blobs().ravel() > 0
    pixels[0] = first
    runs = to_runs(pixels)
    assert runs.sum() == pixels.size
    assert (runs[0] == 0) == first
    assert np.array_equal(from_runs(runs, pixels.size), pixels)


@pytest.mark.parametrize(
    "box", [(0, 0, 4, 6), (3, 2, 4, 6), (8, 0, 3, 9), (0, 3, 11, 1)]
)
def test_runs_of_a_part_are_those_of_the_whole(box):
    top, left, height, width = box
    for seed in range(20):
        part = np.random.default_rng(seed).random((height, width)) < 0.6
        part[-1, -1] = True
        whole = np.zeros((11, 9), bool)
        whole[top : top + height, left : left + width] = part
        expected = to_runs(whole.ravel())
        assert placed_runs(part, top, left, whole.shape).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([3, 2], "5 pixels in place of 6"),
        ([-1, 7], "not all in 0 to 6"),
        ([7], "not all in 0 to 6"),
        ([10**30], "no integers"),
        (["a"], "no integers"),
        ([[1, 2], [3, 4]], "not all in"),
    ],
)
def test_damaged_runs(runs, words):
    with pytest.raises(AnnotationError, match=words):
        from_runs(runs, 6)
