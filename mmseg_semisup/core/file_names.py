"""Names of files that some file systems tell apart, and others do not."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from .atomic_io import TEMPORARY_PREFIX
from .errors import ConfigError
from .text import shorten


def check_distinct(folder: str | Path, names: Iterable[str]) -> None:
    """Raise ConfigError if two files would overwrite each other in a folder.

    Many file systems of macOS and Windows do not tell ``A`` from ``a``, nor an ``ä``
    from an ``a`` with two dots after it.

    Args:
        folder: Where the files are to be written.
        names: Different paths below it.

    Raises:
        ConfigError: If the folder's file system takes two of them for one.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_folded(name), []).append(name)
    similar = [group for group in groups.values() if len(group) > 1]
    same = [group for group in similar if _are_one(folder, *group[:2])]
    if same:
        pairs = [f"{group[0]} and {group[1]}" for group in same]
        raise ConfigError(
            f"the file system of {folder} takes names for one that differ in upper and "
            f"lower case only, so these would overwrite each other: {shorten(pairs)}; "
            "rename the images, or write to another disk"
        )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _are_one(folder: str | Path, one: str, other: str) -> bool:
    """Whether two similar names are one in a folder; they are tried there."""
    parts = zip(PurePosixPath(one).parts, PurePosixPath(other).parts, strict=False)
    os.makedirs(folder, exist_ok=True)
    differing = [pair for pair in parts if pair[0] != pair[1]]
    with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=folder) as place:
        for first, second in differing:
            Path(place, first).touch()
            if not os.path.lexists(os.path.join(place, second)):
                return False
    return True
