from __future__ import annotations

import sys

import numpy as np
import pytest

from mmseg_semisup.annotation_files import AnnotationError, Shape, find_regions
from mmseg_semisup.annotation_files.shapes import paint, polygon, rectangle

MASK = np.array(
    [
        [1, 0, 2, 2],
        [0, 1, 2, 1],
        [3, 3, 3, 3],
        [1, 3, 255, 3],
    ],
    np.uint8,
)


def test_regions_of_a_mask():
    confidence = np.arange(16, dtype=np.uint8).reshape(4, 4) * 17
    found = list(find_regions(MASK, [1, 2, 255], confidence))
    # The first two pixels touch at a corner.
    assert [(r.label, r.top, r.left, int(r.pixels.sum())) for r in found] == [
        (1, 0, 0, 2), (1, 1, 3, 1), (1, 3, 0, 1), (2, 0, 2, 3), (255, 3, 2, 1),
    ]  # fmt: skip
    assert found[0].pixels.tolist() == [[True, False], [False, True]]
    assert [r.score for r in found] == [
        pytest.approx(np.mean(numbers) / 15, abs=1e-4)
        for numbers in ([0, 5], [7], [12], [2, 3, 6], [14])
    ]
    assert [r.label for r in find_regions(MASK, [1, 2], None, 2)] == [1, 2]
    assert list(find_regions(MASK, [7])) == []


def test_regions_together_are_the_mask():
    canvas = np.zeros((4, 4), np.uint8)
    for region in find_regions(MASK, [1, 2, 3, 255]):
        shape = Shape("", lambda size, r=region: (r.top, r.left, r.pixels))
        paint(canvas, shape, region.label, canvas.shape)
    assert np.array_equal(canvas, MASK)


@pytest.mark.parametrize(("top", "left"), [(-1, 0), (0, -1), (2, 0), (0, 3)])
def test_shapes_outside_of_the_image(top, left):
    shape = Shape("", lambda size: (top, left, np.ones((3, 2), bool)))
    with pytest.raises(AnnotationError, match="are not within the image of 4x4"):
        paint(MASK.copy(), shape, 1, (4, 4))


def test_rectangles_have_the_pixels_whose_centres_they_hold():
    top, left, pixels = rectangle(0.4, 1.6, 3.4, 4.4)
    assert (top, left, pixels.shape) == (2, 0, (2, 3))
    assert pixels.all()
    for corners in [(1, 1, 1, 4), (3, 1, 2, 4), (0, 0, float("inf"), 1)]:
        with pytest.raises(AnnotationError, match="a rectangle without"):
            rectangle(*corners)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([1, 2, 3, 4], "a polygon has 4 coordinates; at least 6"),
        ([1, 2, 3, 4, 5, 6, 7], "a polygon has 7 coordinates"),
        ([1, 2, 3, 4, 5, float("nan")], "a polygon has 6 coordinates"),
        ([1, 2, 3, 4, 5, 1e9], "far away from the image"),
    ],
)
def test_damaged_polygons(points, words):
    pytest.importorskip("pycocotools")
    with pytest.raises(AnnotationError, match=words):
        polygon(points, (8, 8))


def test_polygons_name_the_package_that_they_need(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(AnnotationError, match="pip install pycocotools"):
        polygon([0, 0, 4, 0, 4, 4], (8, 8))
