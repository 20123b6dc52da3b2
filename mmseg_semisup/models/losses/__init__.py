"""Losses: pure functions of tensors, and modules for configs.

Nothing else of ``models`` may be imported.
"""

from .adversarial import one_hot_labels, spatial_bce
from .cross_entropy import (
    PixelCrossEntropy,
    joint_cross_entropy,
    masked_cross_entropy,
    selected_cross_entropy,
)
from .directional_contrast import (
    anchor_contrast,
    directional_contrast,
    pull_masks,
    pull_weights,
)
from .feature_matching import feature_distance, image_bce, self_training_loss
from .latent_classes import (
    conditional_entropy,
    count_cooccurrence,
    latent_consistency,
    latent_given_class,
    symmetric_kl,
)

__all__ = [
    "PixelCrossEntropy",
    "anchor_contrast",
    "conditional_entropy",
    "count_cooccurrence",
    "directional_contrast",
    "feature_distance",
    "image_bce",
    "joint_cross_entropy",
    "latent_consistency",
    "latent_given_class",
    "masked_cross_entropy",
    "one_hot_labels",
    "pull_masks",
    "pull_weights",
    "selected_cross_entropy",
    "self_training_loss",
    "spatial_bce",
    "symmetric_kl",
]
