"""Escapes text of files that a terminal would obey: names may hold anything."""

from __future__ import annotations

import contextlib
import re
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Any

OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, separators of lines, marks of the direction of writing, and
bytes of file names that are no text."""
COLOUR = re.compile("(\x1b\\[[0-9;]*m)")


def printable(text: str, keep: str = "\n\t") -> str:
    r"""Escape what a terminal would obey, as Python's ``repr`` does.

    Args:
        text: Any text.
        keep: Characters that stay as they are.

    >>> printable("a\x1b[2Jb\r\nc")
    'a\\x1b[2Jb\\r\nc'
    >>> printable("a\nb", keep="")
    'a\\nb'
    """
    return OBEYED.sub(
        lambda found: (
            found.group() if found.group() in keep else repr(found.group())[1:-1]
        ),
        text,
    )


class PrintableStream:
    """A text stream that escapes what is written, except colours for a terminal.

    A carriage return stays at either end of a text, where progress is shown.

    Args:
        stream: The stream behind it.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, escaped."""
        inner = text.strip("\r")
        start = text[: text.index(inner)] if inner else text
        end = text[len(start) + len(inner) :]
        if self._stream.isatty():
            parts = COLOUR.split(inner)
            parts[::2] = map(printable, parts[::2])
            inner = "".join(parts)
        else:
            inner = printable(inner)
        self._stream.write(f"{start}{inner}{end}")
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the stream's."""
        return getattr(self._stream, name)


@contextlib.contextmanager
def printing_safely() -> Iterator[None]:
    """Escape what a block prints, and the message of an error that ends Python."""
    sys.excepthook = _print_error
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if stream is None else PrintableStream(stream) for stream in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _print_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if sys.stderr is not None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(printable(text))
