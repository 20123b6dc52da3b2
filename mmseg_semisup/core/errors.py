"""Errors that several packages raise; the tools print each as one line."""

from __future__ import annotations

import math


class ConfigError(ValueError):
    """A mistake in a config or on the command line, in words for its author."""


class WriteError(OSError):
    """A file cannot be written; the message names it and the free space."""


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and says why."""


class DataError(ValueError):
    """A mistake in lists or folders of images, in words for their owner."""


class ImageFileError(DataError, RuntimeError):
    """An image or a mask cannot be used; the message begins with its name."""


class StoreError(DataError):
    """Pseudo-masks cannot be made or used; the message names the files."""


def check_range(
    owner: str, low: float, high: float = math.inf, **values: float
) -> None:
    """Raise ValueError for an argument that is out of its range.

    Args:
        owner: Class or function that has the arguments.
        low: The least value allowed.
        high: The greatest one.
        **values: Name of each argument to its value.
    """
    allowed = f"{low} to {high}" if high < math.inf else f"{low} or more"
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{owner}: {name}={value}; allowed: {allowed}")
