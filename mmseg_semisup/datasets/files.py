"""Checks image files: completeness, bit depth and size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from mmseg_semisup.core.errors import StoreError

JPEG, PNG = b"\xff\xd8", b"\x89P"
END_MARKERS = {JPEG: b"\xff\xd9", PNG: b"IEND\xaeB`\x82"}
START_OF_SCAN = 0xDA
TAIL = 4096
DEPTH = 24
"""Position of the bit depth in a PNG file."""

EXIF_ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)


def check_complete(path: str) -> None:
    """Raise ValueError if a local JPEG or PNG is empty, cut off, or no image.

    Decoders silently fill the missing part of a truncated image with grey. Other
    formats and remote paths are not checked here.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".jpg", ".jpeg", ".png") or "://" in path:
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


def check_depth(path: str) -> None:
    """Raise ValueError if a local mask has values that 8 bits cannot hold.

    MMCV silently keeps the lower 8 bits, so that 256 becomes class 0. Only files with
    more than 8 bits a pixel are decoded for this check.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".png", ".tif", ".tiff") or "://" in path:
        return
    with open(path, "rb") as file:
        start = file.read(DEPTH + 1)
    if start.startswith(PNG) and start[DEPTH:] != b"\x10":
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


def image_size(path: str) -> tuple[int, int]:
    """Read the size, (height, width), of an image as OpenCV loads it, from its header.

    Raises:
        StoreError: If it is missing or no image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Reading the EXIF entry takes longer than the header; only photographs have
            # it.
            turned = image.format in ("JPEG", "MPO", "TIFF", "WEBP") and (
                image.getexif().get(EXIF_ORIENTATION) in TURNED
            )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not an image that can be read"
        raise StoreError(f"{path}: {reason}") from error
    return (width, height) if turned else (height, width)


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
