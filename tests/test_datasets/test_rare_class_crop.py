"""Crops that show a drawn class, and those of mmseg otherwise."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from mmseg.datasets.transforms import RandomCrop

from mmseg_semisup.datasets import RareClassCrop
from mmseg_semisup.datasets.rare_class_crop import DRAWN
from mmseg_semisup.datasets.view_geometry import find_tracker


def results(mask, drawn=None):
    mask = np.asarray(mask, np.uint8)
    image = np.stack([mask, *np.indices(mask.shape)], axis=-1).astype(np.uint8)
    found = {"img": image, "gt_seg_map": mask, "seg_fields": ["gt_seg_map"]}
    if drawn is not None:
        found[DRAWN] = drawn
    return found


def mask_of(*pixels, size=(40, 50), label=2):
    mask = np.zeros(size, np.uint8)
    for y, x in pixels:
        mask[y, x] = label
    return mask


@pytest.mark.parametrize("pixel", [(0, 0), (39, 49), (0, 49), (20, 25)])
def test_a_pixel_of_the_class_is_in_the_crop(pixel):
    np.random.seed(0)
    crop = RareClassCrop((12, 16))
    for _ in range(30):
        found = crop(results(mask_of(pixel), 2))
        assert found["img"].shape[:2] == found["gt_seg_map"].shape == (12, 16)
        assert (found["gt_seg_map"] == 2).sum() == 1


def test_pixels_and_crops_around_them_are_equally_probable():
    np.random.seed(0)
    crop = RareClassCrop(8)
    boxes = [crop.crop_bbox(results(mask_of((5, 6), (30, 40)), 2)) for _ in range(4000)]
    upper = [box for box in boxes if box[0] <= 5]
    assert len(upper) / 4000 == pytest.approx(0.5, abs=0.03)
    tops = Counter(box[0] for box in upper)
    assert set(tops) == set(range(6))
    assert max(tops.values()) < 1.4 * min(tops.values())
    lower = {box[0] for box in boxes if box[0] > 5}
    assert lower == set(range(23, 31))


@pytest.mark.parametrize("size", [(6, 50), (40, 6), (6, 6), (1, 1)])
def test_images_smaller_than_the_crop(size):
    found = RareClassCrop((12, 16))(results(mask_of((0, 0), size=size), 2))
    assert found["gt_seg_map"].shape == (min(size[0], 12), min(size[1], 16))
    assert (found["gt_seg_map"] == 2).sum() == 1


@pytest.mark.parametrize(
    ("drawn", "mask"), [(None, mask_of((3, 3))), (3, mask_of((3, 3)))]
)
def test_otherwise_it_is_a_random_crop(drawn, mask):
    own, plain = RareClassCrop((12, 16), 0.9), RandomCrop((12, 16), 0.9)
    for seed in range(5):
        np.random.seed(seed)
        found = own(results(mask, drawn))
        np.random.seed(seed)
        assert np.array_equal(found["img"], plain(results(mask))["img"])


def test_an_image_without_a_mask():
    found = results(mask_of((3, 3)), 2)
    del found["gt_seg_map"]
    found["seg_fields"] = []
    assert RareClassCrop((12, 16))(found)["img"].shape == (12, 16, 3)


def test_the_plain_crop_is_cached_as_before():
    assert RandomCrop._methods_with_randomness == ["crop_bbox"]
    assert RareClassCrop._methods_with_randomness == ["crop_bbox"]
    plain = RandomCrop((12, 16))
    found, matrix = find_tracker(plain)(plain, results(mask_of((20, 25))))
    assert found["img"][0, 0, 1:].tolist() == [-matrix[1, 2], -matrix[0, 2]]


def test_views_follow_its_geometry():
    np.random.seed(0)
    crop = RareClassCrop((12, 16))
    found, matrix = find_tracker(crop)(crop, results(mask_of((20, 25)), 2))
    top, left = found["img"][0, 0, 1:].tolist()
    assert matrix.tolist() == [[1, 0, -left], [0, 1, -top], [0, 0, 1]]
    assert (found["gt_seg_map"] == 2).any()
