"""How long a training step takes, and how long it must take."""

from .report import to_text
from .run import benchmark
from .sizes import generate_sources, set_sizes

__all__ = ["benchmark", "generate_sources", "set_sizes", "to_text"]
