"""Backbones that MMSegmentation lacks, and weights that packages carry.

Only ``core`` may be imported.
"""

from .efficientnet_lite import EfficientNetLite
from .package_checkpoint import load_from_package, package_file

__all__ = ["EfficientNetLite", "load_from_package", "package_file"]
