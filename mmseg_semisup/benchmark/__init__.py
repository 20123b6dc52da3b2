"""Measures time and memory of a training step, and compares them with a floor.

``export`` and the layers below it may be imported, ``pseudo_masks`` may not.
"""

from .against import compare
from .report import to_text
from .run import benchmark
from .sizes import IMAGE_SIZE, crops_images, generate_sources, set_sizes

__all__ = [
    "IMAGE_SIZE",
    "benchmark",
    "compare",
    "crops_images",
    "generate_sources",
    "set_sizes",
    "to_text",
]
