"""Composes a plain MMSegmentation config and a method into a training.

``engine`` and the layers below may be imported.
"""

from .blocks import method_names, resolve_method
from .compose import COMPOSED, KEYS, compose, compose_recorded, with_encoder
from .encoders import encoder_names
from .read import read_config

__all__ = [
    "COMPOSED",
    "KEYS",
    "compose",
    "compose_recorded",
    "encoder_names",
    "method_names",
    "read_config",
    "resolve_method",
    "with_encoder",
]
