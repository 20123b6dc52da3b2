"""Losses: pure functions of tensors, and the modules that configs name."""

from .adversarial import one_hot_labels, spatial_bce
from .cross_entropy import PixelCrossEntropy, joint_cross_entropy, masked_cross_entropy

__all__ = [
    "PixelCrossEntropy",
    "joint_cross_entropy",
    "masked_cross_entropy",
    "one_hot_labels",
    "spatial_bce",
]
