"""Cutout (DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552)."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.errors import check_range

from .view_geometry import register_appearance


@TRANSFORMS.register_module()
class Cutout(BaseTransform):
    """Paints grey squares at random positions.

    Their centres are uniform over the image; squares are clipped at its border. Ke et
    al. use three squares of 32 pixels, and the labels under them count.

    Args:
        num_holes: Number of squares.
        size: Side of a square: an even number of pixels; or, as a float below 1, its
            share of the image's shorter side, rounded to an even number.
        fill: Their grey value, in 0..255.
        ignore: Whether label maps get the label ``seg_pad_val`` under the squares. In
            an image without label maps, all pixels count.
        seg_pad_val: Label of ignored pixels, the same as in the data set.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        num_holes: int = 3,
        size: float = 32,
        fill: int = 127,
        ignore: bool = False,
        seg_pad_val: int = 255,
    ) -> None:
        check_range("Cutout", 0, num_holes=num_holes)
        share = isinstance(size, float) and 0 < size < 1
        if not share and (size < 2 or size % 2):
            raise ValueError(
                f"Cutout: size={size}; allowed: even numbers from 2, or a share of the "
                "image above 0.0 and below 1.0"
            )
        check_range("Cutout", 0, 255, fill=fill)
        self.num_holes = num_holes
        self.size = size
        self.fill = fill
        self.ignore = ignore
        self.seg_pad_val = seg_pad_val if ignore else None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw and fill the squares."""
        image = results["img"]
        keys = results.get("seg_fields", ()) if self.ignore else ()
        height, width = image.shape[:2]
        half = self._half(min(height, width))
        for y, x in np.random.randint((height, width), size=(self.num_holes, 2)):
            hole = np.s_[max(0, y - half) : y + half, max(0, x - half) : x + half]
            image[hole] = self.fill
            for key in keys:
                results[key][hole] = self.seg_pad_val
        return results

    def _half(self, side: int) -> int:
        if isinstance(self.size, int):
            return self.size // 2
        return max(1, round(self.size * side / 2))


register_appearance(Cutout)
