"""Headers of image files: size, orientation, mode and frames.

mmcv decodes with OpenCV or Pillow, which turn an image as its EXIF entry says; which
formats OpenCV turns depends on its version, so that each format is tried once.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import mmcv
from PIL import Image, UnidentifiedImageError

from mmseg_semisup.core.errors import DataError

from .channel_files import is_tiff, tiff_size

ORIENTATION = 0x0112
"""EXIF tag: 1 is upright, 2 to 4 are mirrored or upside down; from 5 to 8, height and
width are exchanged."""
HEIGHT, WIDTH = 0x0101, 0x0100
"""TIFF tags of the stored pixels."""
PHOTOGRAPHS = ("JPEG", "MPO")
TRANSPARENT = ("RGBA", "LA", "PA", "La", "RGBa")


class Reader(NamedTuple):
    """How mmcv decodes an image.

    Attributes:
        color_type: As in ``LoadImageFromFile``.
        backend: ``LoadImageFromFile.imdecode_backend``.
    """

    color_type: str = "color"
    backend: str = "cv2"


DEFAULT = Reader()


@dataclass(frozen=True)
class Header:
    """The header of an image file.

    Attributes:
        kind: Pillow's name of the format.
        mode: Pillow's name of the colour mode.
        stored: (height, width) of the stored pixels.
        orientation: The EXIF orientation, 1 to 8.
        xmp_orientation: That of an XMP or text entry where EXIF has none; Pillow alone
            reads it.
        animated: Whether there are further frames or pages.
        transparent: Whether there is an alpha channel, or a transparent colour.
    """

    kind: str
    mode: str
    stored: tuple[int, int]
    orientation: int
    xmp_orientation: int
    animated: bool
    transparent: bool

    def turned(self, reader: Reader = DEFAULT) -> int:
        """The orientation that a reader corrects; 1: it returns the stored pixels."""
        tag = self.orientation
        if tag == 1 and reader.backend == "pillow":
            tag = self.xmp_orientation
        return tag if tag != 1 and turns(self.kind, reader) else 1

    def size(self, reader: Reader = DEFAULT) -> tuple[int, int]:
        """(Height, width) of the image that a reader returns."""
        height, width = self.stored
        return (width, height) if self.turned(reader) >= 5 else (height, width)


def read_header(path: str) -> Header:
    """Read the header of a local image file.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no plain file, no image, or too large; without its name.
    """
    check_plain(path)
    try:
        with Image.open(path) as image:
            return _read(image)
    except UnidentifiedImageError as error:
        if is_tiff(path):
            height, width, count = tiff_size(path)
            return Header(
                "TIFF", f"{count} channels", (height, width), 1, 1, False, False
            )
        raise DataError("not an image") from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise DataError(
            f"more than {limit:,} pixels, the most that Pillow reads; cut it into tiles"
        ) from error
    except Exception as error:  # whatever a damaged header causes
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"its header cannot be read: {reason}") from error


def check_plain(path: str) -> None:
    """Raise DataError for a folder, pipe or device.

    Opening a pipe would wait for its other end.

    Raises:
        OSError: If there is nothing, or it cannot be looked at.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise DataError("not a plain file")


def image_size(path: str, reader: Reader = DEFAULT) -> tuple[int, int]:
    """Read the size, (height, width), of an image as loaded, from its header.

    Args:
        path: A local file.
        reader: How it is loaded.

    Raises:
        DataError: If it is missing or no image; the message names it.
    """
    try:
        return read_header(path).size(reader)
    except (DataError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: {reason}") from error


@lru_cache(maxsize=256)
def turns(kind: str, reader: Reader) -> bool:
    """Whether a reader turns images of a format as their EXIF entries say.

    Args:
        kind: Pillow's name of the format.
        reader: How the image is loaded.
    """
    kind = "JPEG" if kind in PHOTOGRAPHS else kind
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    entry = {"tiffinfo": {ORIENTATION: 6}} if kind == "TIFF" else {"exif": exif}
    content = io.BytesIO()
    try:
        Image.new("RGB", (16, 8)).save(content, kind, **entry)
        image = mmcv.imfrombytes(content.getvalue(), *(reader[0], "bgr", reader[1]))
    except Exception:  # a format that cannot be written here, or a missing library
        return False
    return image is not None and image.shape[:2] == (16, 8)


def _read(image: Image.Image) -> Header:
    width, height = image.size
    if image.format == "TIFF":
        # Pillow exchanges both in its size.
        tags = image.tag_v2  # type: ignore[attr-defined]
        orientation, xmp = tags.get(ORIENTATION, 1), 1
        height, width = tags.get(HEIGHT, height), tags.get(WIDTH, width)
    else:
        orientation, xmp = _orientations(image)
    transparent = image.mode in TRANSPARENT or "transparency" in image.info
    # Photographs of telephones hold previews and depth maps as further images.
    animated = image.format not in PHOTOGRAPHS and getattr(image, "is_animated", False)
    return Header(
        image.format or "",
        image.mode,
        (height, width),
        orientation if orientation in range(1, 9) else 1,
        xmp if xmp in range(1, 9) else 1,
        bool(animated),
        transparent,
    )


def _orientations(image: Image.Image) -> tuple[Any, Any]:
    """Orientation of the EXIF entry, and of other entries."""
    content = image.info.get("exif")
    if content is None and image.format == "PNG":
        content = _late_exif(image.fp)  # type: ignore[attr-defined]
        # Pillow would decode all pixels to look for an entry behind them.
        image.info["exif"] = content or b""
    if content:
        exif = Image.Exif()
        exif.load(content)
        if ORIENTATION in exif:
            return exif[ORIENTATION], 1
    others = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")
    if any(key in image.info for key in others):
        return 1, image.getexif().get(ORIENTATION, 1)
    return 1, 1


def _late_exif(file: Any) -> bytes:
    """The EXIF entry of a PNG file behind its pixels, or nothing."""
    position = 8
    while True:
        file.seek(position)
        head = file.read(8)
        length = int.from_bytes(head[:4], "big")
        if len(head) < 8 or head[4:] == b"IEND":
            return b""
        if head[4:] == b"eXIf":
            return bytes(file.read(length))
        position += 12 + length
