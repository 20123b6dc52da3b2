"""The first seconds of a training: checks, and one step of which nothing stays.

``benchmark`` and the layers below it may be imported.
"""

from .data import inspect_data
from .run import MODES, PICTURE, rehearse, train

__all__ = ["MODES", "PICTURE", "inspect_data", "rehearse", "train"]
