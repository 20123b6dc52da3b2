"""Erases a rectangle of an image by noise (Yang et al., ST++, CVPR 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.errors import check_range

from .view_geometry import register_appearance

TRIES = 1000
"""Rectangles that are drawn to find one that fits; after them, the last is clipped."""


@TRANSFORMS.register_module()
class NoiseCutout(BaseTransform):
    """Fills a random rectangle with noise, and ignores the labels under it.

    Its area and the ratio of its sides are uniform, and so is its corner; all are drawn
    again until it fits, as in the code of ST++. What never fits is clipped.

    Args:
        prob: Share of the images that are changed, in 0..1.
        area: Least and greatest area, as shares of the image.
        aspect: Least and greatest height divided by width.
        seg_pad_val: Label of ignored pixels, the same as in the data set.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        prob: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        aspect: tuple[float, float] = (0.3, 1 / 0.3),
        seg_pad_val: int = 255,
    ) -> None:
        check_range("NoiseCutout", 0, 1, prob=prob)
        if not 0 < area[0] <= area[1] < 1:
            raise ValueError(
                f"NoiseCutout: area={area}; allowed: 0 < least <= greatest < 1"
            )
        if not 0 < aspect[0] <= aspect[1]:
            raise ValueError(
                f"NoiseCutout: aspect={aspect}; allowed: 0 < least <= greatest"
            )
        self.prob = prob
        self.area = area
        self.aspect = aspect
        self.seg_pad_val = seg_pad_val

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw and fill the rectangle."""
        if np.random.rand() >= self.prob:
            return results
        image = results["img"]
        hole = self._rectangle(*image.shape[:2])
        noise = np.random.uniform(0, 255, image[hole].shape)
        image[hole] = noise.astype(image.dtype)
        for key in results.get("seg_fields", ()):
            results[key][hole] = self.seg_pad_val
        return results

    def _rectangle(self, height: int, width: int) -> tuple[slice, slice]:
        for _ in range(TRIES):
            size = np.random.uniform(*self.area) * height * width
            ratio = np.random.uniform(*self.aspect)
            rows, columns = int(np.sqrt(size * ratio)), int(np.sqrt(size / ratio))
            top, left = np.random.randint(height), np.random.randint(width)
            if top + rows <= height and left + columns <= width:
                return slice(top, top + rows), slice(left, left + columns)
        return slice(0, rows), slice(0, columns)


register_appearance(NoiseCutout)
