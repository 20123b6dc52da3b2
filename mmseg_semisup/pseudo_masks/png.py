"""Label maps as PNG files, encoded without holding up other threads."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, INDEXED = 0, 3
FILTER_UP = 2
# Rows of a label map repeat the row above: higher levels gain little.
LEVEL = 3


def encode_png(
    values: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None
) -> bytes:
    """Encode a map of 8-bit values.

    Nearly all of the time goes into zlib, which lets other threads run; Pillow's
    encoder does not.

    Args:
        values: (H, W), uint8.
        palette: (256, 3), uint8, RGB: the file is indexed; None: it is grey.

    Returns:
        The file.
    """
    height, width = values.shape
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0] = FILTER_UP
    rows[0, 1:] = values[0]
    np.subtract(values[1:], values[:-1], out=rows[1:, 1:])
    kind = GREY if palette is None else INDEXED
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = [SIGNATURE, _chunk(b"IHDR", header)]
    if palette is not None:
        parts.append(_chunk(b"PLTE", palette.tobytes()))
    parts.append(_chunk(b"IDAT", zlib.compress(rows, LEVEL)))
    parts.append(_chunk(b"IEND", b""))
    return b"".join(parts)


def full_palette(colors: list[list[int]]) -> NDArray[np.uint8]:
    """All 256 entries of an indexed file's palette: the classes', then black.

    Args:
        colors: RGB colour of each class, in 0..255.
    """
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colors)] = colors
    return palette


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
