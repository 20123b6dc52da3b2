from __future__ import annotations

import numpy as np
import pytest

from mmseg_semisup.visualization.legend import (
    class_entries,
    draw_legend,
    draw_scale,
    finish_picture,
    image_score,
    with_score,
)
from mmseg_semisup.visualization.panels import color_map

RED, BLUE = (200, 0, 0), (0, 0, 200)
CLASSES, PALETTE = ("cat", "dog", "sky"), (RED, BLUE, (0, 200, 0))


def has(picture: np.ndarray, color: tuple[int, ...]) -> bool:
    return bool((picture == color).all(-1).any())


def test_a_legend_has_all_colours_in_as_many_lines_as_it_needs():
    entries = {f"class number {i}": (i, 50, 90) for i in range(12)}
    wide, narrow = draw_legend(entries, 1300), draw_legend(entries, 300)
    assert narrow.shape[0] > 2 * wide.shape[0]
    assert all(has(narrow, color) for color in entries.values())
    assert (narrow[:, -1] == 255).all()


def test_large_pictures_have_large_letters():
    entries = {"cat": RED}
    assert draw_legend(entries, 4000).shape[0] > 2 * draw_legend(entries, 1000).shape[0]


def test_a_scale_goes_from_the_first_to_the_last_colour():
    scale = draw_scale("confidence", 400)
    assert has(scale, (68, 1, 84))
    assert has(scale, tuple(color_map(np.ones((1, 1)))[0, 0]))


def test_a_legend_names_the_classes_of_the_picture():
    labels = [np.array([[0, 0], [2, 255]])]
    entries = class_entries(CLASSES, PALETTE, labels)
    assert list(entries) == ["cat", "sky", "ignored"]
    assert entries["cat"] == RED
    assert list(class_entries(CLASSES, PALETTE)) == list(CLASSES)


def test_a_finished_picture_has_legend_and_scale():
    row = np.full((10, 300, 3), 7, np.uint8)
    bare = finish_picture([row, row], {})
    with_legend = finish_picture([row, row], {"cat": RED})
    whole = finish_picture([row], {"cat": RED}, ["score"], {"more": {"x": BLUE}})
    assert with_legend.shape[0] > bare.shape[0]
    assert has(with_legend, RED)
    assert has(whole, BLUE)
    assert has(whole, (68, 1, 84))
    # A tiny picture is widened, so that the legend can be read.
    tiny = finish_picture([row[:, :9]], {"cat": RED})
    assert tiny.shape[1] == 240


def test_the_score_of_an_image_is_the_mean_over_its_classes():
    truth = np.array([[0, 0, 1, 200]])
    predicted = np.array([[0, 1, 1, 1]])
    # cat 1/2, dog 1/2: one of two of each
    assert image_score(predicted, truth, 3) == pytest.approx(50)
    # cat 1/2, dog 1/1, sky 0/1
    assert image_score(np.array([[0, 2, 1, 1]]), truth, 3) == pytest.approx(50)
    assert image_score(predicted, np.full((1, 4), 200), 3) is None
    assert with_score("teacher", predicted, truth, 3) == "teacher: 50 % mIoU"
    assert with_score("teacher", predicted, None, 3) == "teacher"
    assert with_score("teacher", predicted, truth[:, :2], 3) == "teacher"
