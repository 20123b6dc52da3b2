"""Draws two overlapping crops of one image, on one grid of features.

Lai et al., CVPR 2021, https://arxiv.org/abs/2106.14133, section 4.1: two patches of one
resized image whose intersection over union is within a range.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from .view_geometry import register_appearance, register_geometry

KEY = "two_crops"


@TRANSFORMS.register_module()
class DrawTwoCrops(BaseTransform):
    """Draws where two crops lie, for :class:`TakeCrop`: a shared step of ``MultiView``.

    The distance of the crops is a multiple of ``align`` in both directions, so that
    their features lie on one grid, also when a crop is flipped. All positions with an
    overlap within the range are equally likely, without rejection sampling. In an image
    that is smaller than the crop, only its own area counts. If an image allows no
    overlap within the range, the nearest one is taken.

    Args:
        crop_size: Height and width of both crops, in pixels; multiples of ``align``.
        iou_range: Least and greatest intersection over union, in 0..1. ``(1, 1)``: both
            crops are the same.
        align: Stride of the projected features in pixels, or a multiple of it.

    Raises:
        ValueError: If an argument is out of its range, or no two crops have such an
            overlap.
    """

    def __init__(
        self,
        crop_size: tuple[int, int],
        iou_range: Sequence[float] = (0.1, 1.0),
        align: int = 8,
    ) -> None:
        self.crop_size = (int(crop_size[0]), int(crop_size[1]))
        self.iou_range = (float(iou_range[0]), float(iou_range[1]))
        self.align = align
        if align < 1 or min(self.crop_size) < 1 or any(n % align for n in crop_size):
            raise ValueError(
                f"DrawTwoCrops: crop_size={tuple(crop_size)}, align={align}; both "
                "sides must be multiples of align, or features of flipped crops would "
                "lie between those of the other"
            )
        if not 0 <= self.iou_range[0] <= self.iou_range[1] <= 1:
            raise ValueError(
                f"DrawTwoCrops: iou_range={tuple(iou_range)}; allowed: 0 <= least <= "
                "greatest <= 1"
            )
        unlimited = (3 * self.crop_size[0], 3 * self.crop_size[1])
        iou, _ = _offsets(unlimited, self.crop_size, align)
        if not _within(iou, self.iou_range).any():
            nearest = iou.flat[_distance(iou, self.iou_range).argmin()]
            raise ValueError(
                f"DrawTwoCrops: iou_range={tuple(iou_range)} cannot be reached by "
                f"crops of {self.crop_size} that are multiples of align={align} apart; "
                f"the nearest possible value is {nearest:.4f}"
            )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the boxes, (top, left) of each, to the results."""
        size = results["img"].shape[:2]
        iou, ways = _offsets(size, self.crop_size, self.align)
        allowed = _within(iou, self.iou_range)
        if not allowed.any():
            distance = _distance(iou, self.iou_range)
            allowed = distance <= distance.min() + 1e-9
        sums = np.cumsum(np.where(allowed, ways, 0))
        drawn = np.searchsorted(sums, np.random.randint(sums[-1]), side="right")
        boxes = []
        for axis, steps in enumerate(np.unravel_index(drawn, iou.shape)):
            offset = int(steps) * self.align
            room = max(size[axis] - self.crop_size[axis], 0) - offset
            first = np.random.randint(room + 1)
            pair = (first, first + offset)
            boxes.append(pair if np.random.randint(2) else pair[::-1])
        (top, other_top), (left, other_left) = boxes
        results[KEY] = [(top, left), (other_top, other_left)]
        return results


@TRANSFORMS.register_module()
class TakeCrop(BaseTransform):
    """Cuts out one of the crops that :class:`DrawTwoCrops` drew.

    Crops that exceed the image are padded at the right and bottom, so that flips keep
    the features on their grid.

    Args:
        which: 0 or 1.
        crop_size: Height and width, as in ``DrawTwoCrops``.
        pad_val: Colour of the padding: blue, green and red, in 0..255.
        seg_pad_val: Label of the padding of masks.

    Raises:
        ValueError: If there is no such crop.
    """

    def __init__(
        self,
        which: int,
        crop_size: tuple[int, int],
        pad_val: Sequence[float] = (104, 116, 124),
        seg_pad_val: int = 255,
    ) -> None:
        if which not in (0, 1):
            raise ValueError(f"TakeCrop: which={which}; allowed: 0, 1")
        self.which = which
        self.crop_size = (int(crop_size[0]), int(crop_size[1]))
        self.pad_val = tuple(pad_val)
        self.seg_pad_val = seg_pad_val

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut image and masks."""
        if KEY not in results:
            raise ValueError(
                "TakeCrop needs DrawTwoCrops among the shared transforms of MultiView"
            )
        results["img"] = self._cut(results["img"], results[KEY], self.pad_val)
        for key in results.get("seg_fields", []):
            results[key] = self._cut(results[key], results[KEY], self.seg_pad_val)
        results["img_shape"] = results["pad_shape"] = self.crop_size
        return results

    def _cut(
        self,
        array: np.ndarray,
        boxes: list[tuple[int, int]],
        fill: Sequence[float] | float,
    ) -> np.ndarray:
        height, width = self.crop_size
        top, left = boxes[self.which]
        part = array[top : top + height, left : left + width]
        below, right = height - part.shape[0], width - part.shape[1]
        if below or right:
            part = cv2.copyMakeBorder(
                part, 0, below, 0, right, cv2.BORDER_CONSTANT, value=fill
            )
        return np.ascontiguousarray(part)


register_appearance(DrawTwoCrops)


@register_geometry(TakeCrop)
def _track(
    transform: TakeCrop, results: dict[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    results = transform(results)
    top, left = results[KEY][transform.which]
    return results, np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])


@lru_cache(maxsize=256)
def _offsets(
    size: tuple[int, int], crop: tuple[int, int], align: int
) -> tuple[np.ndarray, np.ndarray]:
    """Enumerate the offsets between two crops in an image.

    Returns:
        Intersection over union of crops that are (i, j) steps apart, and the number of
        pairs of crops with that offset; both (rows, columns).
    """
    shared, ways = [], []
    for length, side in zip(size, crop, strict=True):
        room = max(length - side, 0)
        offsets = np.arange(0, min(room, side) + 1, align)
        shared.append(1 - offsets / min(side, length))
        ways.append((room - offsets + 1) * np.where(offsets > 0, 2, 1))
    common = np.clip(np.multiply.outer(*shared), 0, 1)
    return common / (2 - common), np.multiply.outer(*ways)


def _distance(iou: np.ndarray, allowed: tuple[float, float]) -> np.ndarray:
    return np.maximum(np.maximum(allowed[0] - iou, iou - allowed[1]), 0)


def _within(iou: np.ndarray, allowed: tuple[float, float]) -> np.ndarray:
    return _distance(iou, allowed) < 1e-9
