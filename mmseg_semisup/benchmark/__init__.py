"""How long a training step takes, and how long it must take."""

from .report import to_text
from .run import benchmark
from .sizes import IMAGE_SIZE, crops_images, generate_sources, set_sizes

__all__ = [
    "IMAGE_SIZE",
    "benchmark",
    "crops_images",
    "generate_sources",
    "set_sizes",
    "to_text",
]
