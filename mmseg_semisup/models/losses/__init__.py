"""Losses: pure functions of tensors, and the modules that configs name."""

from .adversarial import one_hot_labels, spatial_bce
from .cross_entropy import PixelCrossEntropy, joint_cross_entropy, masked_cross_entropy
from .directional_contrast import (
    anchor_contrast,
    directional_contrast,
    pull_masks,
    pull_weights,
)

__all__ = [
    "anchor_contrast",
    "directional_contrast",
    "pull_masks",
    "pull_weights",
    "PixelCrossEntropy",
    "joint_cross_entropy",
    "masked_cross_entropy",
    "one_hot_labels",
    "spatial_bce",
]
