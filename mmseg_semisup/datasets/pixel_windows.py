"""Reads parts of large images, without decoding the whole where that is possible."""

from __future__ import annotations

import contextlib
import io
import struct
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from mmseg_semisup.core.errors import ImageFileError

from .read_image import read_image

TIFF = (".tif", ".tiff")
ARRAY = ".npy"
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, ORIENTATION, SAMPLES, STRIP_ROWS, STRIP_BYTES = 273, 274, 277, 278, 279
PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = (
    *(284, 317, 322, 323, 324, 325),
)
JPEG_TABLES, YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, REFERENCE = 347, 529, 530, 532
"""Numbers of TIFF's entries (TIFF 6.0, appendix A; technical note 2 for JPEG)."""
COPIED = (
    *(COMPRESSION, PHOTOMETRIC, PREDICTOR, JPEG_TABLES),
    *(YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, REFERENCE),
)
COLOURS = {1: 1, 3: 3, 4: 3}
"""Samples of a pixel to the number of those that are colours; the fourth is opacity."""
GREY, RGB, YCBCR = 1, 2, 6
KEPT = 128 * 2**20
"""Bytes of decoded strips and tiles that are kept for the next windows."""


class PixelWindows(Protocol):
    """An image of which parts can be read.

    Attributes:
        size: Height and width, in pixels.
    """

    size: tuple[int, int]

    def read(self, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Read a part.

        Args:
            rows: Rows, from 0; start and stop are inside of the image.
            columns: Columns, likewise.

        Returns:
            (H, W, 3), uint8, RGB.

        Raises:
            ImageFileError: If it cannot be decoded.
        """


class ArrayWindows:
    """Parts of an array, which may be mapped from a file.

    Args:
        pixels: (H, W, 3) or (H, W), uint8, RGB or grey.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.size = (pixels.shape[0], pixels.shape[1])

    def read(self, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Read a part."""
        return _rgb(np.asarray(self.pixels[rows, columns]))


class TiffWindows:
    """Parts of a TIFF file of 8 bits in strips or tiles, of any compression.

    Each strip or tile becomes a small TIFF file of its own, which Pillow decodes.

    Args:
        path: The file.

    Raises:
        ImageFileError: If its pixels are stored in another way.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with Image.open(path) as image:
            tags = image.tag_v2  # type: ignore[attr-defined]
            self.tags = {key: tags[key] for key in tags}
            self.prefix = tags.prefix
        self.size = (self.tags[HEIGHT], self.tags[WIDTH])
        self.samples = self.tags.get(SAMPLES, 1)
        bits = self.tags.get(BITS, (1,))
        reason = ""
        if set(bits if isinstance(bits, tuple) else (bits,)) != {8}:
            reason = f"{bits} bits"
        elif self.samples not in COLOURS:
            reason = f"{self.samples} samples a pixel"
        elif self.tags.get(PLANAR, 1) != 1:
            reason = "separate planes of colours"
        elif self.tags.get(PHOTOMETRIC) not in (GREY, RGB, YCBCR):
            reason = f"photometric interpretation {self.tags.get(PHOTOMETRIC)}"
        elif self.tags.get(ORIENTATION, 1) != 1:
            reason = f"orientation {self.tags[ORIENTATION]}"
        if reason:
            raise ImageFileError(f"{path}: it has {reason}")
        tiled = TILE_OFFSETS in self.tags
        if tiled:
            self.block = (self.tags[TILE_HEIGHT], self.tags[TILE_WIDTH])
        else:
            rows = min(self.tags.get(STRIP_ROWS, self.size[0]), self.size[0])
            self.block = (rows, self.size[1])
        self.tiled = tiled
        self.offsets = _tuple(self.tags[TILE_OFFSETS if tiled else STRIP_OFFSETS])
        self.lengths = _tuple(self.tags[TILE_BYTES if tiled else STRIP_BYTES])
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._bytes = 0

    def read(self, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Read a part."""
        height, width = self.block
        across = -(-self.size[1] // width)
        part = np.empty(
            (rows.stop - rows.start, columns.stop - columns.start, 3), np.uint8
        )
        for i in range(rows.start // height, -(-rows.stop // height)):
            for j in range(columns.start // width, -(-columns.stop // width)):
                block = self._block(i * across + j, i)
                top, left = i * height, j * width
                y = slice(max(rows.start, top), min(rows.stop, top + len(block)))
                x = slice(
                    max(columns.start, left), min(columns.stop, left + block.shape[1])
                )
                part[
                    y.start - rows.start : y.stop - rows.start,
                    x.start - columns.start : x.stop - columns.start,
                ] = _rgb(
                    block[y.start - top : y.stop - top, x.start - left : x.stop - left]
                )
        return part

    def _block(self, number: int, row: int) -> NDArray[np.uint8]:
        """A decoded strip or tile; the last ones used are kept."""
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        height, width = self.block
        if not self.tiled:
            height = min(height, self.size[0] - row * height)
        with self.path.open("rb") as file:
            file.seek(self.offsets[number])
            content = file.read(self.lengths[number])
        try:
            with Image.open(io.BytesIO(self._file(content, height, width))) as image:
                block = np.array(image)
        except Exception as error:  # whatever a decoder raises
            kind = "tile" if self.tiled else "strip"
            raise ImageFileError(
                f"{self.path}: {kind} {number} cannot be decoded: {error}"
            ) from error
        self._kept[number] = block
        self._bytes += block.nbytes
        while self._bytes > KEPT and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return block

    def _file(self, content: bytes, height: int, width: int) -> bytes:
        """A TIFF file with one strip."""
        entries = TiffImagePlugin.ImageFileDirectory_v2(prefix=self.prefix)
        for key in COPIED:
            if key in self.tags:
                entries[key] = self.tags[key]
        entries[WIDTH], entries[HEIGHT] = width, height
        entries[SAMPLES], entries[BITS] = self.samples, (8,) * self.samples
        if self.samples == max(COLOURS):
            entries[338] = 2  # unassociated opacity, so that Pillow knows the mode
        entries[STRIP_ROWS], entries[STRIP_BYTES] = height, len(content)
        # Pillow adds where the directory ends.
        entries[STRIP_OFFSETS] = 0
        head = self.prefix + struct.pack(
            "<HI" if self.prefix == b"II" else ">HI", 42, 8
        )
        return head + entries.tobytes(len(head)) + content


@contextlib.contextmanager
def open_windows(path: str | Path, folder: str | Path) -> Iterator[PixelWindows]:
    """Open an image of which parts are read.

    An array of NumPy (``.npy``) is mapped; a TIFF file of 1, 3 or 4 interleaved samples
    of 8 bits is read by strips or tiles. Other files cannot be read in parts: they are
    decoded once, and their pixels are kept in a temporary file that is mapped.

    Args:
        path: A file.
        folder: Where a temporary file may be written.

    Raises:
        ImageFileError: If it cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ARRAY:
        yield ArrayWindows(_mapped(path))
        return
    tiff = _tiff(path) if suffix in TIFF else None
    if tiff is not None:
        yield tiff
        return
    with tempfile.TemporaryDirectory(dir=folder) as place:
        yield ArrayWindows(_decoded(path, Path(place, "pixels")))


def _tiff(path: Path) -> TiffWindows | None:
    """The parts of a TIFF file; None for one that has to be decoded as a whole."""
    limit = Image.MAX_IMAGE_PIXELS
    # Only the header is read, and its size says nothing of the memory that is needed.
    Image.MAX_IMAGE_PIXELS = None
    try:
        return TiffWindows(path)
    except Exception:  # whatever a header causes; decoding says what is wrong
        return None
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _mapped(path: Path) -> NDArray[np.uint8]:
    try:
        pixels: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # whatever a damaged header causes
        raise ImageFileError(f"{path}: {error}") from error
    colours = pixels.shape[2:] in ((), (3,)) and pixels.ndim in (2, 3)
    if pixels.dtype != np.uint8 or not colours or not pixels.size:
        raise ImageFileError(
            f"{path}: {pixels.dtype} of the shape {pixels.shape}; allowed: uint8, "
            "(H, W, 3), RGB, or (H, W)"
        )
    return pixels


def _decoded(path: Path, place: Path) -> NDArray[np.uint8]:
    """The pixels of an image in a file that is mapped, RGB."""
    pixels = read_image(str(path), channel_order="rgb")
    mapped = np.memmap(place, np.uint8, "w+", shape=pixels.shape)
    for row in range(0, len(pixels), 256):
        mapped[row : row + 256] = pixels[row : row + 256]
    return mapped


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return pixels[..., :3]


def _tuple(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)
