"""Writes a PNG file row by row, for images that do not fit into memory."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .atomic_io import TEMPORARY_PREFIX
from .errors import WriteError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, INDEXED = 0, 3
"""Colour types (PNG specification, third edition, 11.2.1)."""
LEVEL = 2
"""Of zlib; as for the other label maps."""


class RowPng:
    """A PNG file of 8 bits that gets its name once all rows are written.

    Args:
        path: The file; its folder is made if it does not exist.
        size: Height and width.
        palette: (256, 3), uint8, RGB: the file is indexed; None: it is grey.

    Raises:
        WriteError: If it cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        palette: NDArray[np.uint8] | None = None,
    ) -> None:
        self.path = Path(path)
        self.size = size
        self.palette = palette
        self._left = size[0]
        self._packer = zlib.compressobj(LEVEL)
        self._file: BinaryIO

    def __enter__(self) -> RowPng:
        """Open the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, self._temporary = tempfile.mkstemp(
                prefix=TEMPORARY_PREFIX, dir=self.path.parent
            )
            self._file = os.fdopen(descriptor, "wb")
            height, width = self.size
            kind = GREY if self.palette is None else INDEXED
            self._file.write(SIGNATURE)
            self._chunk(
                b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
            )
            if self.palette is not None:
                self._chunk(b"PLTE", self.palette.astype(np.uint8).tobytes())
        except OSError as error:
            raise self._described(error) from error
        return self

    def write(self, rows: NDArray[np.uint8]) -> None:
        """Write the next rows.

        Args:
            rows: (rows, W), uint8.

        Raises:
            ValueError: If they have another width, or are too many.
            WriteError: If they cannot be written.
        """
        if rows.shape[1] != self.size[1] or len(rows) > self._left:
            raise ValueError(f"{rows.shape} for {self._left} rows of {self.size[1]}")
        self._left -= len(rows)
        # Each row begins with the number of its filter, 0 for none.
        lines = np.zeros((len(rows), self.size[1] + 1), np.uint8)
        lines[:, 1:] = rows
        try:
            self._chunk(b"IDAT", self._packer.compress(lines.tobytes()))
        except OSError as error:
            raise self._described(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the file its name; remove it after an error or with rows missing."""
        try:
            with self._file:
                if kind is None and not self._left:
                    self._chunk(b"IDAT", self._packer.flush())
                    self._chunk(b"IEND", b"")
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None and not self._left:
                os.chmod(self._temporary, 0o644)
                os.replace(self._temporary, self.path)
        except OSError as failed:
            raise self._described(failed) from failed
        finally:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
        if kind is None and self._left:
            raise ValueError(f"{self.path}: {self._left} rows are missing")

    def _chunk(self, name: bytes, content: bytes) -> None:
        if content or name == b"IEND":
            checked = name + content
            self._file.write(struct.pack(">I", len(content)) + checked)
            self._file.write(struct.pack(">I", zlib.crc32(checked)))

    def _described(self, error: OSError) -> WriteError:
        return WriteError(f"cannot write {self.path}: {error.strerror or error}")
