"""Backbones that MMSegmentation lacks, and a reader of weights in packages.

Only ``core`` may be imported.
"""

from .efficientnet_lite import EfficientNetLite
from .package_checkpoint import load_from_package, package_file

__all__ = ["EfficientNetLite", "load_from_package", "package_file"]
