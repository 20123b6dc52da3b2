"""Files that were not written to their end."""

from __future__ import annotations

import os

TAIL = 4096
END_MARKERS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}


def check_complete(path: str) -> None:
    """Raise ValueError if a local JPEG or PNG is empty, cut off, or neither.

    Decoders fill the missing part of a truncated image with grey and say nothing.
    Other formats and remote paths are left to the decoder.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".jpg", ".jpeg", ".png") or "://" in path:
        return
    with open(path, "rb") as file:
        start = file.read(2)
        if not start:
            raise ValueError("the file is empty")
        if start not in END_MARKERS:
            raise ValueError(f"not a JPEG or PNG: it begins with {start!r}")
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        if END_MARKERS[start] not in file.read():
            raise ValueError("the file is cut off")
