"""Confidence in 256 levels, by which pixels are counted."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEVELS = 256


def to_level(confidence: Tensor) -> Tensor:
    """Round probabilities to 8 bits: level k is the probability k / 255."""
    return (confidence * (LEVELS - 1)).round().to(torch.uint8)


def first_level(threshold: float) -> int:
    """The lowest level that is not below a threshold.

    >>> first_level(0.0), first_level(0.6), first_level(0.95), first_level(1.0)
    (0, 153, 243, 255)
    """
    return math.ceil(threshold * (LEVELS - 1) - 1e-9)
