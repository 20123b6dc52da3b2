"""What several rooms raise, and tools turn into one line for the user."""

from __future__ import annotations


class ConfigError(ValueError):
    """A mistake in a config or on the command line, in words for its author."""


class WriteError(OSError):
    """A file cannot be written; the message names it and the free space."""


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and says why."""


class DataError(ValueError):
    """A mistake in lists or folders of images, in words for their owner."""


class StoreError(DataError):
    """Pseudo-masks cannot be made or used; the message names the files."""
