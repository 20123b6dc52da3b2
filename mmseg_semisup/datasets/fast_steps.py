"""Steps of mmcv and mmseg in less time, with the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform, RandomGrayscale
from mmseg.datasets.transforms import PackSegInputs

from .color_jitter import ColorJitter, RandomGaussianBlur
from .load_pseudo_mask import PackPseudoMask

VALUES = np.arange(256)


class FastGrayscale(RandomGrayscale):
    """mmcv's ``RandomGrayscale``; images of 8 bits and three channels by tables.

    mmcv multiplies each pixel as float64, which takes nine times as long. It makes 8
    bits of floating point, and stops at other channels; here, both stay as they are.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the image; masks stay."""
        image = results["img"]
        if image.ndim < 3 or image.shape[2] != 3:
            return results
        if image.dtype == np.float32 and self.keep_channels:
            if self._random_prob() < self.prob:
                weights = np.array(self.channel_weights) / sum(self.channel_weights)
                grey = image @ weights.astype(np.float32)
                results["img"] = np.repeat(grey[..., None], 3, axis=2)
            return results
        fits = image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        if not fits or not self.keep_channels or self.color_format == "hsv":
            changed: dict[str, Any] = super().transform(results)
            return changed
        if self._random_prob() < self.prob:
            weights = np.array(self.channel_weights) / sum(self.channel_weights)
            pairs = zip(cv2.split(image), weights, strict=True)
            first, second, third = (cv2.LUT(part, w * VALUES) for part, w in pairs)
            first += second
            first += third
            grey = first.astype(np.uint8)
            results["img"] = cv2.merge([grey, grey, grey])
        return results


def fast(step: BaseTransform) -> BaseTransform:
    """A transform with the same results that takes less time, or the transform itself.

    Args:
        step: A built transform.
    """
    if type(step) is not RandomGrayscale:
        return step
    return FastGrayscale(
        step.prob, step.keep_channels, step.channel_weights, step.color_format
    )


STOCK = (PackSegInputs, PackPseudoMask)
"""Last transforms that copy what they pack."""
READERS = (ColorJitter, RandomGaussianBlur, FastGrayscale)
"""Transforms that never write into the image that they get."""


def writes(steps: Sequence[BaseTransform], packer: PackSegInputs, image: Any) -> bool:
    """Whether a view may write into the image that it shares with other views.

    Args:
        steps: Its transforms.
        packer: Its last one.
        image: The image, an array; None: the view has none.
    """
    plain = image is None or (image.ndim == 3 and image.shape[2] == 3)
    reads = all(type(step) in READERS for step in steps)
    return not (plain and reads and type(packer) in STOCK)


def pack(packer: PackSegInputs, results: dict[str, Any]) -> dict[str, Any]:
    """Run mmseg's last transform; channels are parted by OpenCV.

    Args:
        packer: The transform.
        results: Its input.

    Returns:
        ``data_samples``, and ``inputs``, (3, H, W), if there is an image.
    """
    image = results.get("img")
    if (
        type(packer) not in STOCK
        or image is None
        or image.ndim != 3
        or image.dtype != np.uint8
    ):
        packed: dict[str, Any] = packer(results)
        return packed
    planes = np.empty((image.shape[2], *image.shape[:2]), np.uint8)
    cv2.split(image, list(planes))
    rest = {key: value for key, value in results.items() if key != "img"}
    return {"inputs": torch.from_numpy(planes), **packer(rest)}
