"""Two crops: their overlap, their grid, their pixels."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from mmseg.registry import TRANSFORMS

from mmseg_semisup.datasets import (
    ColorJitter,
    DrawTwoCrops,
    MultiView,
    RandomGaussianBlur,
    TakeCrop,
)
from mmseg_semisup.datasets.color_jitter import color_map
from mmseg_semisup.datasets.two_crops import KEY

CROP = (32, 48)


def draw(size, times=200, **options):
    transform = DrawTwoCrops(CROP, **options)
    image = np.zeros((*size, 3), np.uint8)
    return [transform.transform({"img": image})[KEY] for _ in range(times)]


def iou(boxes, size):
    """Of what both crops show, counted in pixels."""
    masks = []
    for top, left in boxes:
        mask = np.zeros(size, bool)
        mask[top : top + CROP[0], left : left + CROP[1]] = True
        masks.append(mask)
    return (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()


@pytest.mark.parametrize("allowed", [(0.1, 1.0), (0.3, 0.5), (1.0, 1.0), (0.0, 0.2)])
@pytest.mark.parametrize("size", [(100, 120), (40, 200), (33, 200)])
def test_overlap_is_in_the_range(size, allowed):
    drawn = draw(size, iou_range=allowed)
    for boxes in drawn:
        for top, left in boxes:
            assert 0 <= top <= size[0] - CROP[0]
            assert 0 <= left <= size[1] - CROP[1]
        (top, left), (other_top, other_left) = boxes
        assert (top - other_top) % 8 == (left - other_left) % 8 == 0
        assert allowed[0] - 1e-9 <= iou(boxes, size) <= allowed[1] + 1e-9
    assert len({str(boxes) for boxes in drawn}) > 10
    if allowed != (1.0, 1.0):
        firsts = sum(a < b for (_, a), (_, b) in drawn)
        assert 40 < firsts < 160


def test_all_positions_are_equally_likely():
    """As if pairs of positions were tried until one is allowed."""
    size, allowed = (40, 64), (0.3, 0.7)
    rows, columns = range(size[0] - CROP[0] + 1), range(size[1] - CROP[1] + 1)
    places = list(itertools.product(rows, columns))
    possible = Counter()
    for a, b in itertools.product(places, places):
        apart = (abs(a[0] - b[0]), abs(a[1] - b[1]))
        if any(n % 8 for n in apart):
            continue
        if allowed[0] <= iou([(0, 0), apart], size) <= allowed[1]:
            possible[apart] += 1
    total = sum(possible.values())
    drawn = Counter(
        (abs(a[0] - b[0]), abs(a[1] - b[1]))
        for a, b in draw(size, 3000, iou_range=allowed)
    )
    assert set(drawn) <= set(possible)
    for apart, count in possible.items():
        assert drawn[apart] / 3000 == pytest.approx(count / total, abs=0.04)


@pytest.mark.parametrize("size", [(20, 30), (32, 48), (20, 200), (200, 30)])
def test_small_images_come_as_near_as_they_can(size):
    nearest = draw(size, 20, iou_range=(0.2, 0.4))
    for boxes in nearest:
        if max(size) == 200:
            assert 0.2 <= iou(boxes, size) <= 0.4
        else:
            assert boxes == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crop_size": (33, 48)}, "must be multiples of align"),
        ({"align": 0}, "align=0"),
        ({"iou_range": (0.5, 0.2)}, "iou_range"),
        ({"iou_range": (0.2, 1.2)}, "iou_range"),
        ({"iou_range": (0.98, 0.99)}, "cannot be reached.*nearest possible value"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DrawTwoCrops(**{"crop_size": CROP, **arguments})


def test_crop_without_draw():
    with pytest.raises(ValueError, match="needs DrawTwoCrops"):
        TakeCrop(0, CROP).transform({"img": np.zeros((64, 64, 3), np.uint8)})
    with pytest.raises(ValueError, match="which=2"):
        TakeCrop(2, CROP)


def views(flip=0.0):
    flip = {
        "type": "RandomFlip",
        "prob": [flip / 2, flip / 2],
        "direction": ["horizontal", "vertical"],
    }
    return MultiView(
        shared=[{"type": "DrawTwoCrops", "crop_size": CROP, "iou_range": (0.1, 0.6)}],
        views={
            name: [
                {"type": "TakeCrop", "which": i, "crop_size": CROP},
                flip,
                {"type": "PackSegInputs"},
            ]
            for i, name in enumerate(("first", "second"))
        },
    )


@pytest.mark.parametrize("size", [(100, 120), (20, 120), (100, 30)])
@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_pixels_are_where_the_homography_says(size, flip):
    """Of an image that shows its own coordinates; padding where there is no image."""
    y, x = np.indices(size, dtype=np.uint8)
    image = np.stack([x, y, np.full_like(x, 7)], axis=2)
    mask = (x % 5).copy()
    sample = views(flip).transform(
        {
            "img": image,
            "gt_seg_map": mask,
            "seg_fields": ["gt_seg_map"],
            "img_shape": size,
            "ori_shape": size,
            "img_path": "x",
        }
    )
    for name, data in sample["data_samples"].items():
        pixels = sample["inputs"][name]
        assert pixels.shape[1:] == CROP
        back = torch.linalg.inv(data.homography)
        rows, columns = torch.meshgrid(
            torch.arange(CROP[0]), torch.arange(CROP[1]), indexing="ij"
        )
        points = torch.stack([columns, rows, torch.ones_like(rows)]).double()
        source = torch.einsum("ij,jhw->ihw", back, points).round().long()[:2]
        inside = (source[0] < size[1]) & (source[1] < size[0])
        assert torch.equal(pixels[:2, inside].long(), source[:, inside])
        assert (pixels[:, ~inside] == torch.tensor([[104], [116], [124]])).all()
        labels = data.gt_sem_seg.data[0]
        assert (labels[~inside] == 255).all()
        assert torch.equal(labels[inside].long(), source[0][inside] % 5)


def test_jitter_changes_colours_only():
    image = np.random.randint(0, 256, (20, 24, 3), dtype=np.uint8)
    same, none = color_map(1, 1, 1, 0)
    np.testing.assert_allclose(same, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(none, 0, atol=1e-12)
    grey, _ = color_map(1, 1, 0, 0.2)
    assert np.ptp(grey, axis=0).max() < 1e-9
    bright, _ = color_map(1.4, 1, 1, 0)
    np.testing.assert_allclose(bright, 1.4 * np.eye(3), atol=1e-12)
    flat, mean = color_map(1, 0, 1, 0.1)
    np.testing.assert_allclose(flat, 0, atol=1e-12)
    np.testing.assert_allclose(mean, 1)
    red = color_map(1, 1, 1, 1 / 3)[0] @ [0, 0, 100]
    assert red.argmax() != 2
    np.testing.assert_allclose(np.array([0.114, 0.587, 0.299]) @ red, 29.9, atol=0.2)
    level = ColorJitter(0, 1, 0, 0, prob=1.0)
    level._draw = lambda: (1, 0, 1, 0.1)
    found = level.transform({"img": image})["img"]
    expected = (image @ [0.114, 0.587, 0.299]).mean()
    assert np.abs(found - expected).max() <= 0.51
    before = image.copy()
    result = ColorJitter(prob=1.0).transform({"img": image})["img"]
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert np.array_equal(image, before)
    assert not np.array_equal(result, image)
    assert ColorJitter(prob=0.0).transform({"img": image})["img"] is image


def test_blur():
    image = np.random.randint(0, 256, (20, 24, 3), dtype=np.uint8)
    result = RandomGaussianBlur(5, (1.0, 2.0), prob=1.0).transform({"img": image})
    assert result["img"].std() < image.std()
    assert RandomGaussianBlur(prob=0.0).transform({"img": image})["img"] is image


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("ColorJitter", {"brightness": 1.5}, "brightness=1.5"),
        ("ColorJitter", {"hue": 0.6}, "hue=0.6"),
        ("ColorJitter", {"prob": -1}, "prob=-1"),
        ("RandomGaussianBlur", {"kernel_size": 4}, "kernel_size=4"),
        ("RandomGaussianBlur", {"sigma": (2, 1)}, "sigma"),
        ("RandomGaussianBlur", {"prob": 2}, "prob=2"),
    ],
)
def test_mistakes_of_appearance_are_named(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.get(kind)(**arguments)
