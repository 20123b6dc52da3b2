"""Text for messages."""

from __future__ import annotations

from collections.abc import Sequence


def shorten(names: Sequence[str], limit: int = 5) -> str:
    """Join the first names of a list, and state how many there are in all."""
    rest = f", ... ({len(names)} in all)" if len(names) > limit else ""
    return ", ".join(map(str, names[:limit])) + rest
