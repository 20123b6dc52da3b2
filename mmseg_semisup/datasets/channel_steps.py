"""Refuses transforms that cannot follow ``LoadChannels``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import (
    CLAHE,
    AdjustGamma,
    Albu,
    PhotoMetricDistortion,
    Rerange,
    RGB2Gray,
)

from .load_channels import LoadChannels
from .multi_view import MultiView
from .transform_kinds import walk

EIGHT_BITS = (PhotoMetricDistortion, CLAHE, AdjustGamma, RGB2Gray, Rerange, Albu)
"""Transforms of MMSegmentation for images of 8 bits, or of three channels, alone."""


def check_steps(steps: Sequence[Any]) -> None:
    """Raise ValueError for transforms that cannot follow ``LoadChannels``.

    Args:
        steps: The transforms of a pipeline, built.

    Raises:
        ValueError: It names the transform.
    """
    found = list(walk(list(steps)))
    own = [step for step in found if isinstance(step, LoadChannels)]
    if not own:
        return
    if any(isinstance(step, MultiView) and any(step.device.values()) for step in found):
        raise ValueError(
            "views that change on the device have 8 bits and three channels; with "
            "LoadChannels, leave out augment='device'"
        )
    for step in found:
        if isinstance(step, EIGHT_BITS):
            raise ValueError(
                f"{type(step).__name__} changes images of 8 bits and three channels; "
                f"LoadChannels reads {own[0].channels} as floating point: leave it "
                "out, or use ColorJitter and RandomGaussianBlur"
            )
        if isinstance(step, LoadImageFromFile):
            raise ValueError("LoadImageFromFile and LoadChannels in one pipeline")
