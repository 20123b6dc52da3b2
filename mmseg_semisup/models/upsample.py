"""Logits at the size of the images."""

from __future__ import annotations

from mmseg.models.utils import resize
from torch import Tensor


def upsample(logits: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """Resize maps bilinearly, as mmseg's heads do.

    Args:
        logits: (N, C, h, w), float.
        size: (H, W), in pixels.
        align_corners: As the head's.

    Returns:
        (N, C, H, W), float.
    """
    return resize(
        logits, size, mode="bilinear", align_corners=align_corners, warning=False
    )
