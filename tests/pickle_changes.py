"""Seeded changes of the pickle in a file of torch, for tests of its readers."""

from __future__ import annotations

import io
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from mmseg_semisup.core.checkpoint_values import NAMES

NUMBERS = (0, 1, 2, 255, 256, 4096, 65535, 2**31 - 1, -1, -(2**31))
FOREIGN = ("os system", "builtins eval", "numpy fromfile", "torch load")
TEXTS = ("S1", "O", "f8", "U999999", "|", "<", "latin1", "utf-8", "mean", "meta", "9")


def packed(code: bytes, parts: dict[str, bytes]) -> bytes:
    """An archive with this pickle."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, code if name.endswith("data.pkl") else part)
    return content.getvalue()


def unpacked(content: dict) -> tuple[list[bytes], dict[str, bytes]]:
    """The operations of a checkpoint's pickle, and all parts of its archive."""
    file = io.BytesIO()
    torch.save(content, file)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    code = next(part for name, part in parts.items() if name.endswith("data.pkl"))
    places = [place for *_, place in pickletools.genops(code)]
    ends = [*places[1:], len(code)]
    return [code[a:b] for a, b in zip(places, ends, strict=True)], parts


def changed(operation: bytes, draw: random.Random, operations: list[bytes]) -> bytes:
    """Another operation in the place of one, mostly of the same kind."""
    kind = operation[:1]
    if kind in b"KMJ" and draw.random() < 0.8:
        number = draw.choice(NUMBERS)
        if draw.random() < 0.2:
            return b"\x8a\x10" + draw.randbytes(16)
        return b"J" + struct.pack("<i", number)
    if kind == b"c" and draw.random() < 0.8:
        known = [name.rpartition(".") for name in sorted(NAMES)]
        names = [f"{module} {name}" for module, _, name in known]
        module, name = draw.choice([*names, *names, *FOREIGN]).split()
        return f"c{module}\n{name}\n".encode()
    if kind == b"X" and draw.random() < 0.8:
        text = draw.choice(TEXTS).encode()
        return b"X" + struct.pack("<I", len(text)) + text
    if kind in b"hq":
        return kind + bytes([draw.randrange(256)])
    if draw.random() < 0.2:
        spoilt = bytearray(operation)
        spoilt[draw.randrange(len(spoilt))] = draw.randrange(256)
        return bytes(spoilt)
    return draw.choice(operations)


def mutated(operations: list[bytes], draw: random.Random) -> bytes:
    """A pickle with one to four changed, removed, repeated or exchanged operations."""
    found = list(operations)
    for _ in range(draw.randint(1, 4)):
        place, other = draw.randrange(len(found)), draw.randrange(len(found))
        way = draw.randrange(8)
        if way == 0:
            del found[place]
        elif way == 1:
            found.insert(place, found[other])
        elif way == 2:
            found[place], found[other] = found[other], found[place]
        elif way == 3:
            length = draw.randint(1, 20)
            found[place:place] = found[other : other + length]
        else:
            found[place] = changed(found[place], draw, operations)
    return b"".join(found)


def count_refused(
    path: Path,
    content: dict,
    is_refused: Callable[[Path], bool],
    seed: int,
    number: int,
) -> int:
    """Write a file with changed pickles, again and again, and read each.

    Args:
        path: The file.
        content: What it holds without a change, which must not be refused.
        is_refused: Reads the file, and checks what is not refused.
        seed: Of the changes.
        number: Of changed files.

    Returns:
        How many were refused.
    """
    operations, parts = unpacked(content)
    path.write_bytes(packed(b"".join(operations), parts))
    assert not is_refused(path)
    draw = random.Random(seed)
    refused = 0
    for _ in range(number):
        path.write_bytes(packed(mutated(operations, draw), parts))
        refused += is_refused(path)
    print(f"{refused} of {number} changed pickles refused, the others harmless")
    return refused
