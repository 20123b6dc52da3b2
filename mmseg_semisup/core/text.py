"""Text for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from .terminal import printable


def shorten(names: Sequence[str], limit: int = 5) -> str:
    """Join the first names of a list, escaped, and state how many there are in all."""
    rest = f", ... ({len(names)} in all)" if len(names) > limit else ""
    return ", ".join(printable(str(name), keep="") for name in names[:limit]) + rest


def suggest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``did you mean 'NAME'? ``, or nothing if no known name is similar.

    Args:
        name: What somebody wrote.
        known: Names that exist.
        cutoff: Least similarity, in 0..1.
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return f"did you mean {close[0]!r}? " if close else ""


def compare_names(own: Sequence[str], other: Sequence[str]) -> str:
    """Where two lists of names differ, or nothing if they are equal."""
    pairs = enumerate(zip(own, other, strict=False))
    differing = [f"{i}: {a!r} instead of {b!r}" for i, (a, b) in pairs if a != b]
    if len(own) != len(other):
        differing.append(f"{len(own)} classes instead of {len(other)}")
    return shorten(differing)


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    >>> duration(7.4), duration(754), duration(8000), duration(300_000)
    ('7 s', '13 min', '2 h 13 min', '3 d 11 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"
