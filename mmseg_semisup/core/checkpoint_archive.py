"""Takes the pickle and the storages out of a file of ``torch.save``.

There is one reader for each of its two forms, the archive and the older stream, and no
other reads them again.
"""

from __future__ import annotations

import io
import re
import struct
import sys
import zipfile
from collections.abc import Callable
from typing import IO, Any, BinaryIO, NamedTuple

import torch

from .checkpoint_values import NAMES, STORAGE_NAMES, Builder, Storage
from .pickle_nodes import ForeignNameError, Name, PickleReader, Stored

MAGIC = 0x1950A86A20F9469CFC6C
"""The first number of the older form, and its version."""
VERSION = 1001
BLOCK = 1 << 24
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")
LOCATION = re.compile(r"(?!meta)[a-z]+(:\d{1,3})?")
Place = Callable[[torch.UntypedStorage, str], torch.UntypedStorage]


class PartError(ValueError):
    """A file is made of other parts than ``torch.save`` writes."""


def read_archive(file: BinaryIO, size: int, place: Place) -> Any:
    """Read a checkpoint that is an archive.

    Args:
        file: The file.
        size: Its length, in bytes.
        place: Moves a storage to where it belongs; gets what the file says about that.

    Returns:
        What it holds.

    Raises:
        PartError: If its parts are compressed, overlap or are not those of a
            checkpoint, or there is not exactly one directory, at the end.
        ForeignNameError: If it needs other types than a checkpoint does.
        Exception: Almost any other, if it is damaged.
    """
    begin = _check_directory(file, size)
    with zipfile.ZipFile(file) as archive:
        parts = _checked_parts(archive, begin)
        pickles = [name for name in parts if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise PartError("it has no data.pkl, or several")
        folder = pickles[0].removesuffix("data.pkl")
        order = parts.get(f"{folder}byteorder")
        if order is not None and archive.read(order) != sys.byteorder.encode():
            raise PartError("its numbers have the order of bytes of another machine")
        stream = io.BytesIO(archive.read(pickles[0]))
        length = len(stream.getbuffer())
        reader = PickleReader(stream, length, NAMES)
        nodes = reader.read()
        storages = {}
        for wanted in _storages(reader.stored).values():
            part = parts.get(f"{folder}data/{wanted.name}")
            if part is None or part.file_size != wanted.size:
                raise PartError(
                    f"its part data/{wanted.name} has another size, or is gone"
                )
            with archive.open(part) as content:
                storages[wanted.name] = wanted.read(content, place)
        return _build(nodes, storages, length, size)


def read_stream(file: BinaryIO, size: int, place: Place) -> Any:
    """Read a checkpoint of the form before archives.

    Args:
        file: The file.
        size: Its length, in bytes.
        place: As in :func:`read_archive`.

    Returns:
        What it holds.

    Raises:
        PartError: If it is not of that form.
        ForeignNameError: If it needs other types than a checkpoint does.
        Exception: Almost any other, if it is damaged.
    """
    reader = PickleReader(file, size, NAMES)
    head = [reader.read() for _ in range(3)]
    if head[:2] != [MAGIC, VERSION] or not isinstance(head[2], dict):
        raise PartError("it does not begin as a checkpoint does")
    if head[2].get("little_endian") != (sys.byteorder == "little"):
        raise PartError("its numbers have the order of bytes of another machine")
    begin = file.tell()
    nodes = reader.read()
    pickled = file.tell() - begin
    wanted = _storages(reader.stored)
    keys = reader.read()
    if type(keys) is not list or sorted(keys) != sorted(wanted):
        raise PartError("its storages are not those that it names")
    storages = {}
    for name in keys:
        number = int.from_bytes(file.read(8), "little")
        if number != wanted[name].number:
            raise PartError(f"its storage {name} has another size")
        if wanted[name].size > size - file.tell():
            raise EOFError("it ends too early")
        storages[name] = wanted[name].read(file, place)
    return _build(nodes, storages, pickled, size)


class _Wanted(NamedTuple):
    """What a pickle says about one of its storages."""

    name: str
    dtype: torch.dtype | None
    location: str
    number: int

    @property
    def size(self) -> int:
        return self.number * (1 if self.dtype is None else self.dtype.itemsize)

    def read(self, stream: IO[bytes], place: Place) -> Storage:
        """Read it from where it begins."""
        numbers = torch.empty(self.size, dtype=torch.uint8)
        content: Any = numbers.numpy()
        rest = memoryview(content)
        while rest:
            block = stream.read(min(len(rest), BLOCK))
            if not block:
                raise EOFError("it ends too early")
            rest[: len(block)] = block
            rest = rest[len(block) :]
        if self.dtype is torch.bool and numbers.numel() and int(numbers.max()) > 1:
            raise ValueError("truth values other than 0 and 1")
        return Storage(place(numbers.untyped_storage(), self.location), self.dtype)


def _storages(stored: list[Stored]) -> dict[str, _Wanted]:
    """The storages that references name, by their names."""
    found: dict[str, _Wanted] = {}
    for reference in stored:
        wanted = _wanted(reference)
        if found.setdefault(wanted.name, wanted) != wanted:
            raise ValueError(f"two storages are named {wanted.name}")
    return found


def _wanted(reference: Stored) -> _Wanted:
    kind, dtype, name, location, number, *view = reference.key
    if kind != "storage" or view not in ([], [None]):
        raise ForeignNameError(f"a storage of the kind {kind!r:.40}")
    if not isinstance(dtype, Name) or dtype.path not in STORAGE_NAMES:
        raise ForeignNameError(f"a storage of {dtype!r:.60}")
    if not isinstance(name, str) or not isinstance(location, str):
        raise TypeError("a storage without a name")
    if not LOCATION.fullmatch(location):
        raise ForeignNameError(f"a storage on {location!r:.40}")
    if type(number) is not int or not 0 <= number < 1 << 48:
        raise ValueError(f"a storage of {number!r:.40} numbers")
    return _Wanted(name, STORAGE_NAMES[dtype.path], location, number)


def _build(nodes: Any, storages: dict[str, Storage], pickled: int, size: int) -> Any:
    def find(reference: Stored) -> Storage:
        return storages[_wanted(reference).name]

    return Builder(find, pickled, size).build(nodes)


def _check_directory(file: BinaryIO, size: int) -> int:
    """Where the directory begins: it ends where the file says so, and at its end.

    Raises:
        PartError: If there could be another one.
    """
    end = size - END.size
    signature, *_, length, begin, comment = END.unpack(_at(file, end, END.size))
    if signature != b"PK\5\6" or comment:
        raise PartError("it has something after its directory")
    if _at(file, end - LOCATOR_64.size, 4) == b"PK\6\7":
        locator = LOCATOR_64.unpack(_at(file, end - LOCATOR_64.size, LOCATOR_64.size))
        end -= LOCATOR_64.size + END_64.size
        signature, *_, long_length, long_begin = END_64.unpack(
            _at(file, end, END_64.size)
        )
        if signature != b"PK\6\6" or locator[2] != end:
            raise PartError("its directory is not at its stated place")
        if length not in (long_length, 0xFFFFFFFF) or begin not in (
            long_begin,
            0xFFFFFFFF,
        ):
            raise PartError("it has two directories")
        length, begin = long_length, long_begin
    if begin + length != end:
        raise PartError("its directory is not at its stated place")
    return int(begin)


def _at(file: BinaryIO, position: int, length: int) -> bytes:
    if position < 0:
        raise EOFError("it is too short")
    file.seek(position)
    return file.read(length)


def _checked_parts(archive: zipfile.ZipFile, end: int) -> dict[str, zipfile.ZipInfo]:
    """The parts by name, which lie one after the other before the directory."""
    parts: dict[str, zipfile.ZipInfo] = {}
    position = 0
    for part in sorted(archive.infolist(), key=lambda part: part.header_offset):
        if part.filename in parts:
            raise PartError(f"it has two parts {part.filename}")
        if part.compress_type != zipfile.ZIP_STORED or part.flag_bits & 1:
            raise PartError("its parts are compressed or encrypted")
        if part.header_offset < position or part.file_size != part.compress_size:
            raise PartError("its parts overlap")
        # A header has 30 bytes and the name.
        position = part.header_offset + 30 + len(part.filename) + part.file_size
        parts[part.filename] = part
    if position > end:
        raise PartError("its parts overlap its directory")
    return parts
