"""Upsamples logits to the size of the images."""

from __future__ import annotations

from mmseg.models.utils import resize
from torch import Tensor


def upsample(logits: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """Resize maps bilinearly, like mmseg's heads.

    Args:
        logits: (N, C, h, w), float.
        size: (H, W), in pixels.
        align_corners: The head's ``align_corners``.

    Returns:
        (N, C, H, W), float.
    """
    return resize(
        logits, size, mode="bilinear", align_corners=align_corners, warning=False
    )
