"""Losses: pure functions of tensors, and modules for configs.

Nothing else of ``models`` may be imported.
"""

from .adversarial import joint_spatial_bce, one_hot_labels, spatial_bce
from .anchor_contrast import anchor_contrast
from .class_contrast import class_contrast
from .cross_entropy import (
    PixelCrossEntropy,
    joint_cross_entropy,
    masked_cross_entropy,
    reliable_cross_entropy,
    selected_cross_entropy,
)
from .directional_contrast import directional_contrast, pull_masks, pull_weights
from .feature_matching import feature_distance, image_bce, self_training_loss
from .hard_pixels import HardPixelCrossEntropy, hard_cross_entropy
from .latent_classes import (
    conditional_entropy,
    count_cooccurrence,
    latent_consistency,
    latent_given_class,
    symmetric_kl,
)
from .squared_difference import selected_squared_difference

__all__ = [
    "HardPixelCrossEntropy",
    "PixelCrossEntropy",
    "anchor_contrast",
    "class_contrast",
    "conditional_entropy",
    "count_cooccurrence",
    "directional_contrast",
    "feature_distance",
    "hard_cross_entropy",
    "image_bce",
    "joint_cross_entropy",
    "joint_spatial_bce",
    "latent_consistency",
    "latent_given_class",
    "masked_cross_entropy",
    "one_hot_labels",
    "pull_masks",
    "pull_weights",
    "reliable_cross_entropy",
    "selected_cross_entropy",
    "selected_squared_difference",
    "self_training_loss",
    "spatial_bce",
    "symmetric_kl",
]
