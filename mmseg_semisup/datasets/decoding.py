"""Decodes images, and takes decoders' complaints about damaged data for errors.

OpenCV returns an image of which a part is wrong, and only prints that a JPEG or TIFF
file is damaged. Pillow says nothing about some JPEG files that OpenCV complains of.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, TypeVar

from mmseg_semisup.core.errors import DataError

T = TypeVar("T")

ERROR_STREAM = 2
COMPLAINT = re.compile(
    rb"^(?:Corrupt JPEG|Premature end of JPEG|Inconsistent progression|Invalid SOS"
    rb"|Unsupported marker|Warning: unknown JFIF|libpng (?:error|warning)"
    rb"|\[ ?(?:WARN|ERROR)[^\]]*\] global (?:grfmt|loadsave)"
    rb"|(?:OpenCV )?TIFF|\w+Decode: |Using code not yet in table|tempfile\.tif: )"
    rb".*\n?",
    re.MULTILINE,
)
"""Lines that the libraries of OpenCV and Pillow print about a file."""
DAMAGE = re.compile(
    # Few bytes in front of the end marker, as some cameras write, follow all pixels.
    rb"Corrupt JPEG data: (?!(?:\d|1[0-6]) extraneous bytes before marker 0xd9)[^\n]*"
    rb"|Premature end of JPEG[^\n]*|Inconsistent progression[^\n]*"
    rb"|(?<=libpng error: )[^\n]*|(?<=TIFF_Error )[^\n]*"
    rb"|\w+Decode: [^\n]*|Using code not yet in table"
)
"""Complaints about pixels; others are about colour profiles and unknown tags."""


def decode(read: Callable[[], T]) -> T:
    """Run a function that decodes an image, and watch what its decoder prints.

    What the process prints otherwise meanwhile is passed on. Any thread may call this.

    Args:
        read: Decodes one image. Called again if another thread may be the cause.

    Returns:
        What ``read`` returns.

    Raises:
        DataError: If the decoder complains about the pixels; the file is not named.
        Exception: What ``read`` raises.
    """
    if getattr(_NESTED, "watched", False):
        return read()
    _NESTED.watched = True
    try:
        return _decode(read)
    finally:
        _NESTED.watched = False


def _decode(read: Callable[[], T]) -> T:
    result, complaint, is_own = _STREAM.watch(read, alone=False)
    if complaint and not is_own:
        result, complaint, _ = _STREAM.watch(read, alone=True)
    if complaint:
        raise DataError(f"the file is damaged: {complaint}")
    return result


_NESTED = threading.local()


class _ErrorStream:
    """The error stream of the process, kept in a file while an image is decoded."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._readers = self._begun = self._passed_on = 0
        self._exclusive = False
        self._saved: int | None = None
        self._file: IO[bytes] | None = None

    def watch(self, read: Callable[[], T], alone: bool) -> tuple[T, str, bool]:
        """The result of a function, the complaint, and whether no other could cause it.

        Args:
            read: Decodes an image.
            alone: Whether no other thread may decode at the same time.
        """
        begun, start = self._enter(alone)
        own = False
        text = b""
        try:
            result = read()
        finally:
            own, text = self._leave(begun, start, alone)
        found = DAMAGE.search(text)
        return result, found.group().decode(errors="replace") if found else "", own

    def _enter(self, alone: bool) -> tuple[int, int]:
        with self._free:
            while self._exclusive or (alone and self._readers):
                self._free.wait()
            self._exclusive = alone
            if not self._readers:
                self._redirect()
            self._readers += 1
            self._begun += 1
            # Reader number 1 of those at work can be told apart from all others.
            return self._begun if self._readers == 1 else 0, self._size()

    def _leave(self, begun: int, start: int, alone: bool) -> tuple[bool, bytes]:
        with self._free:
            size = self._size()
            text = self._text(start, size)
            self._pass_on(size)
            self._readers -= 1
            if not self._readers:
                self._restore()
            if alone:
                self._exclusive = False
            self._free.notify_all()
            return begun == self._begun, text

    def _redirect(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115, for all images
            saved = os.dup(ERROR_STREAM)
        except OSError:  # no error stream, or no room for a temporary file
            return
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(self._file.fileno(), ERROR_STREAM)
        self._saved = saved

    def _restore(self) -> None:
        if self._saved is None or self._file is None:
            return
        self.release()
        self._passed_on = 0
        if self._size():
            os.lseek(self._file.fileno(), 0, os.SEEK_SET)
            os.ftruncate(self._file.fileno(), 0)

    def release(self) -> None:
        """Let the process print where it did before."""
        if self._saved is not None:
            os.dup2(self._saved, ERROR_STREAM)
            os.close(self._saved)
            self._saved = None

    def _size(self) -> int:
        return 0 if self._file is None else os.fstat(self._file.fileno()).st_size

    def _text(self, start: int, end: int) -> bytes:
        if self._file is None or start == end:
            return b""
        return os.pread(self._file.fileno(), end - start, start)

    def _pass_on(self, size: int) -> None:
        """Print what is not a decoder's where it would have been printed."""
        rest = COMPLAINT.sub(b"", self._text(self._passed_on, size))
        self._passed_on = size
        if rest and self._saved is not None:
            os.write(self._saved, rest)


_STREAM = _ErrorStream()


def _start_anew() -> None:
    """Forget the parent's file, whose position a child would share."""
    global _STREAM, _NESTED
    _NESTED = threading.local()
    _STREAM.release()
    _STREAM = _ErrorStream()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
