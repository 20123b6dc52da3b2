"""Reads large JSON files part by part: the entries of the lists at their top."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.plain_files import open_plain
from mmseg_semisup.core.records import RecordError, parse_record

TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
LARGEST = 1 << 28
"""Bytes of the largest entry that is read."""
DEEPEST = 100


class Part(NamedTuple):
    """The place of an entry.

    Attributes:
        key: Key of its list; '' in a file that is one list.
        start: Position of the first byte.
        end: Position behind the last byte.
    """

    key: str
    start: int
    end: int


class JsonParts:
    """A file of JSON: a list, or an object with lists, of objects.

    Neither the file nor a list of it is held in memory.

    Args:
        path: The file.

    Raises:
        DataError: If it cannot be read, or is empty.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._content = _open(path)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to open the file again."""
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again."""
        self.path = state["path"]
        self._content = _open(self.path)

    def parts(self) -> Iterator[Part]:
        """Find the objects of all lists at the top.

        Raises:
            DataError: If the file is no JSON, or cut off.
        """
        depth, start, key, text = 0, -1, "", ""
        base = 0
        for token in TOKEN.finditer(self._content):
            first = self._content[token.start()]
            if first == ord('"'):
                if depth == 1 and base == ord("{"):
                    text = self._read_key(token.start(), token.end())
            elif first in b"[{":
                depth += 1
                if depth == 1:
                    base = first
                elif depth == 2 and base == ord("{"):
                    key = text if first == ord("[") else "\0"
                if depth > DEEPEST:
                    raise DataError(f"{self.path}: it is nested too deep")
                if first == ord("{") and depth == (2 if base == ord("[") else 3):
                    start = token.start() if key != "\0" else -1
            elif first in b"]}":
                if start >= 0 and depth == (2 if base == ord("[") else 3):
                    yield Part(key, start, token.end())
                    start = -1
                depth -= 1
                if depth <= 0:
                    break
        if depth or not base:
            raise DataError(f"{self.path} is no JSON, or is cut off")

    def read(self, part: Part | tuple[str, int, int], form: Any = object) -> Any:
        """Read an entry.

        Args:
            part: Its place.
            form: Its form, see :mod:`~mmseg_semisup.core.records`.

        Raises:
            DataError: If it has another form; the message names file and position.
        """
        key, start, end = part
        where = f"{self.path}, byte {start}{f' ({key})' if key else ''}"
        if end - start > LARGEST:
            raise DataError(f"{where}: an entry of {end - start:,} bytes is too large")
        try:
            return parse_record(self._content[start:end], form)
        except RecordError as error:
            raise DataError(f"{where}: {error}") from error

    def _read_key(self, start: int, end: int) -> str:
        if end - start > 1000:
            return ""
        return self._content[start + 1 : end - 1].decode("utf-8", "replace")


def _open(path: str | Path) -> mmap.mmap:
    try:
        with open_plain(path) as file:
            if not os.fstat(file.fileno()).st_size:
                raise DataError(f"{path}: the file is empty")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise DataError(str(error)) from error
