"""Resizes images by a random factor of their own size."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import RandomResize
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomRescale(RandomResize):
    """Resizes an image by a random factor, relative to its own size.

    For data sets whose images differ in size; mmcv's ``RandomResize`` has one scale for
    all. The longer side becomes ``int(factor * side)`` pixels.

    Args:
        ratio_range: Least and greatest factor, above 0; the factor is uniform.

    Raises:
        ValueError: If the range is empty, or not above 0.
    """

    def __init__(self, ratio_range: tuple[float, float] = (0.5, 2.0)) -> None:
        least, greatest = ratio_range
        if not 0 < least <= greatest:
            raise ValueError(
                f"RandomRescale: ratio_range={ratio_range}; allowed: 0 < least <= "
                "greatest"
            )
        super().__init__((0, 0), (least, greatest), keep_ratio=True)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize ``img``, (H, W, C) or (H, W), and the mask; set ``scale``."""
        longer = max(results["img"].shape[:2])
        self.scale = (longer, longer)
        return super().transform(results)
