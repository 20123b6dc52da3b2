"""Backbones that MMSegmentation lacks, and a reader of weights in packages.

Only ``core`` may be imported.
"""

from .efficientnet_lite import EfficientNetLite
from .encoder_configs import ENCODERS, encoder_patch
from .package_checkpoint import load_from_package, package_file
from .transformers_backbone import TransformersBackbone

__all__ = [
    "ENCODERS",
    "EfficientNetLite",
    "TransformersBackbone",
    "encoder_patch",
    "load_from_package",
    "package_file",
]
