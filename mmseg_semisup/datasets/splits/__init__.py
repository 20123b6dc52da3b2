"""Finds published lists of ids, which configs name as ``split:FOLDER/FILE``.

Nothing else of ``datasets`` may be imported.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PREFIX = "split:"
FOLDER = Path(__file__).parent


def published_splits() -> list[str]:
    """Names of all lists, such as ``voc12aug/val.txt``."""
    return sorted(f.relative_to(FOLDER).as_posix() for f in FOLDER.glob("*/*.txt"))


def split_path(name: str) -> str:
    """The file of a list.

    Args:
        name: ``split:voc12aug/unimatch_92_labeled.txt``, or any other path, which is
            returned unchanged.

    Raises:
        ValueError: If there is no such list; the message names similar ones.
    """
    if not name.startswith(PREFIX):
        return name
    short = name.removeprefix(PREFIX)
    names = published_splits()
    if short not in names:
        close = difflib.get_close_matches(short, names, n=3, cutoff=0.5)
        raise ValueError(
            f"there is no published list {name!r}; "
            + (f"similar: {', '.join(close)}" if close else f"there are {names}")
        )
    return str(FOLDER / short)


def resolve_splits(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the names of published lists in a dataset's config by paths.

    Args:
        cfg: Config of a dataset; ``ann_file`` and ``exclude`` are replaced, also in the
            datasets that it wraps.

    Raises:
        ValueError: If there is no such list.
    """
    resolved = dict(cfg)
    for key in ("ann_file", "exclude"):
        value = resolved.get(key)
        if isinstance(value, (str, Mapping)):
            resolved[key] = _resolved(value)
        elif isinstance(value, Sequence):
            resolved[key] = [_resolved(entry) for entry in value]
    for key in ("dataset", "images_of"):
        if isinstance(resolved.get(key), Mapping):
            resolved[key] = resolve_splits(resolved[key])
    if isinstance(resolved.get("datasets"), Sequence):
        resolved["datasets"] = [
            resolve_splits(part) if isinstance(part, Mapping) else part
            for part in resolved["datasets"]
        ]
    return resolved


def _resolved(entry: str | Mapping[str, Any]) -> str | dict[str, Any]:
    return split_path(entry) if isinstance(entry, str) else resolve_splits(entry)
