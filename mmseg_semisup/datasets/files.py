"""Checks files of images and masks: completeness, bit depth and labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.plain_files import open_plain

from .image_headers import check_plain, read_header

JPEG, PNG = b"\xff\xd8", b"\x89P"
END_MARKERS = {JPEG: b"\xff\xd9", PNG: b"IEND\xaeB`\x82"}
START_OF_SCAN = 0xDA
TAIL = 4096
DEPTH = 24
"""Position of the bit depth in a PNG file; the kind of its colours follows."""
GREY = b"\x00"
BITS_PER_SAMPLE = 258
"""Tag of a TIFF file."""


def check_complete(path: str) -> None:
    """Raise ValueError if a local image is no plain file, or is empty or cut off.

    Decoders silently fill the missing part of a truncated JPEG or PNG with grey. Other
    formats are not checked for that, and remote paths not at all.
    """
    if "://" in path:
        return
    check_plain(path)
    if os.path.splitext(path)[1].lower() not in (".jpg", ".jpeg", ".png"):
        return
    with open(path, "rb") as file:
        start = file.read(2)
        if not start:
            raise ValueError("the file is empty")
        if start in END_MARKERS:
            begin = _end_of_headers(file) if start == JPEG else len(start)
            if not _contains(file, END_MARKERS[start], begin):
                raise ValueError("the file is cut off")
        elif not cv2.haveImageReader(path):
            raise ValueError(f"not an image: it begins with {start!r}")


def check_mask_file(path: str) -> None:
    """Raise ValueError if a local mask is not read as it is meant.

    MMCV silently keeps the lower 8 bits of a larger number, so that 256 becomes class
    0, and stretches grey values of 2 or 4 bits to 0..255, so that 1 becomes 85 or 17.
    It ignores the orientation of most formats, and all frames but the first. Only files
    with more than 8 bits a pixel are decoded for this check.

    Raises:
        DataError: If the mask would be turned, cut or changed.
        OSError: If it cannot be read.
    """
    if "://" in path:
        return
    header = read_header(path)
    if header.orientation != 1 or header.xmp_orientation != 1:
        raise DataError(
            f"the mask has an entry of its orientation "
            f"({max(header.orientation, header.xmp_orientation)}), which is ignored "
            "when it is loaded; turn its pixels and remove the entry"
        )
    if header.animated:
        raise DataError("the mask has several frames or pages; the first alone is read")
    check_depth(path)


def check_depth(path: str) -> None:
    """Raise ValueError if a local mask has values that are not those of its file."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".png", ".tif", ".tiff") or "://" in path:
        return
    with open(path, "rb") as file:
        start = file.read(DEPTH + 2)
    depth, kind = start[DEPTH : DEPTH + 1], start[DEPTH + 1 :]
    if start.startswith(PNG) and depth in (b"\x02", b"\x04") and kind == GREY:
        raise ValueError(
            f"the mask has the grey values of {depth[0]} bits, which are stretched to "
            f"0..255 when they are loaded (1 becomes {255 // (2 ** depth[0] - 1)}); "
            "save it with 8 bits"
        )
    if start.startswith(PNG) and depth != b"\x10":
        return
    with Image.open(path) as image:
        if not image.mode.startswith(("I", "F")):
            return
        values = np.asarray(image)
    wrong = np.unique(values[(values < 0) | (values > 255) | (values % 1 != 0)])
    if wrong.size:
        raise ValueError(
            f"the mask has the values {wrong[:5].tolist()}; 8 bits are read, so that "
            "none may be over 255"
        )


def bits(path: str) -> int:
    """Bits of each channel of a local PNG or TIFF file; 8 for all others.

    Args:
        path: An image.
    """
    suffix = os.path.splitext(path)[1].lower()
    if "://" in path or suffix not in (".png", ".tif", ".tiff"):
        return 8
    try:
        if suffix == ".png":
            with open_plain(path) as file:
                start = file.read(DEPTH + 1)
            return start[DEPTH] if start.startswith(PNG) and len(start) > DEPTH else 8
        with open_plain(path) as file, Image.open(file) as image:
            stated = image.tag_v2.get(BITS_PER_SAMPLE, 8)  # type: ignore[attr-defined]
            return max(stated) if isinstance(stated, tuple) else int(stated)
    except (AttributeError, OSError, ValueError, SyntaxError):
        return 8


def check_labels(
    mask: np.ndarray,
    size: Sequence[int],
    num_classes: int | None,
    ignore_index: int = 255,
) -> None:
    """Raise ValueError unless a mask fits its image and the classes.

    Args:
        mask: (H, W), class numbers, of any type.
        size: Height and width of the image.
        num_classes: C; None: any value is allowed.
        ignore_index: Label of ignored pixels.
    """
    if mask.shape != tuple(size):
        raise ValueError(f"the mask has shape {mask.shape}, the image {tuple(size)}")
    if num_classes is None:
        return
    wrong = mask[((mask < 0) | (mask >= num_classes)) & (mask != ignore_index)]
    if wrong.size:
        raise ValueError(
            f"the mask has the values {np.unique(wrong).tolist()}; allowed: 0 to "
            f"{num_classes - 1} (the classes) and {ignore_index} (ignored)"
        )


def _end_of_headers(file: BinaryIO) -> int:
    """Position of the pixels in a JPEG, behind a thumbnail with its own end marker."""
    position = len(JPEG)
    while True:
        file.seek(position)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == START_OF_SCAN:
            return position
        padding = head[1] == 0xFF
        position += 1 if padding else 2 + int.from_bytes(head[2:], "big")


def _contains(file: BinaryIO, marker: bytes, begin: int) -> bool:
    """Whether a marker follows a position; the end of the file is searched first."""
    size = file.seek(0, os.SEEK_END)
    for position in (max(begin, size - TAIL), begin):
        file.seek(position)
        if marker in file.read():
            return True
    return False
