from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmseg_semisup.core.palette import (
    _to_lab,
    class_palette,
    default_palette,
    full_palette,
)


def nearest(colors: list[list[int]]) -> float:
    """The smallest distance of two colours in CIELAB, as OpenCV converts them."""
    pixels = np.array(colors, np.float32)[None] / 255
    places = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min())


@pytest.mark.parametrize(("count", "least"), [(8, 40), (20, 32), (40, 25)])
def test_colours_can_be_told_apart(count, least):
    names = ["background", *map(str, range(count - 1))]
    paper, ignored = [255, 255, 255], [224, 224, 224]
    for palette in (default_palette(count), class_palette(names)):
        assert nearest([*palette, paper]) > least
        assert nearest([*palette, ignored]) > least


def test_distances_are_those_of_cielab():
    colors = np.random.default_rng(0).integers(0, 256, (50, 3)).astype(np.float32)
    expected = cv2.cvtColor(colors[None] / 255, cv2.COLOR_RGB2LAB)[0]
    np.testing.assert_allclose(_to_lab(colors.astype(float)), expected, atol=0.5)


def test_many_classes_have_different_colours():
    assert len({tuple(color) for color in default_palette(256)}) == 256
    assert default_palette(300)[256:] == default_palette(44)
    assert default_palette(12)[:5] == default_palette(5)


def test_only_a_background_is_dark():
    assert class_palette(["Background", "cat"])[0] == [60, 60, 60]
    assert class_palette(["road", "sky"]) == default_palette(2)


def test_a_palette_of_a_file_has_256_entries():
    palette = full_palette([[1, 2, 3]])
    assert (palette.shape, palette.dtype) == ((256, 3), np.uint8)
    assert palette[0].tolist() == [1, 2, 3]
    assert not palette[1:].any()
