"""Resizes test images to multiples of a patch, as UniMatch V2 does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch.nn.functional import interpolate


@TRANSFORMS.register_module()
class ResizeToNearestMultiple(BaseTransform):
    """Resizes each side of an image to the nearest multiple of a number of pixels.

    For encoders that divide images into patches, in the test pipeline after other
    changes of size; the mask stays, and predictions are resized to it. As in UniMatch
    V2's evaluation, the corners are aligned and the values are not rounded. mmseg's
    ``ResizeToMultiple`` rounds sizes up.

    Args:
        divisor: The number of pixels, e.g. 14 for DINOv2 and 16 for DINOv3.

    Raises:
        ValueError: If it is below 1.
    """

    def __init__(self, divisor: int) -> None:
        if divisor < 1:
            raise ValueError(
                f"ResizeToNearestMultiple: divisor={divisor}; allowed: 1 or more"
            )
        self.divisor = divisor

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize ``img``, (H, W, C) or (H, W); it becomes float32 if its size changes.

        Also sets ``img_shape`` and ``pad_shape``; ``ori_shape`` stays.
        """
        image = results["img"]
        size = tuple(nearest_multiple(n, self.divisor) for n in image.shape[:2])
        if size != image.shape[:2]:
            results["img"] = _resized(image, size)
        results["img_shape"] = results["pad_shape"] = size
        return results


def nearest_multiple(pixels: int, divisor: int) -> int:
    """The nearest multiple of a number of pixels, at least one; of two, the larger.

    >>> nearest_multiple(512, 14), nearest_multiple(769, 16), nearest_multiple(3, 14)
    (518, 768, 14)
    """
    return max(int(pixels / divisor + 0.5), 1) * divisor


def _resized(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    values = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))
    maps = values.reshape(1, *values.shape[:2], -1).permute(0, 3, 1, 2)
    resized = interpolate(maps, size, mode="bilinear", align_corners=True)
    return resized[0].permute(1, 2, 0).reshape(*size, *image.shape[2:]).numpy()
