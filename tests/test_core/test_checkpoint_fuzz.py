"""Checkpoints with seeded changes of their pickle: each is refused, or harmless."""

from __future__ import annotations

import copy
import io
import pickletools
import random
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.checkpoint_values import NAMES
from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.core.find_checkpoint import check_whole
from test_core.test_checkpoint import own_checkpoint

SECONDS = 2.0
"""Processor time that no file of a few kilobytes takes to be read."""
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


def check_harmless(value: object, size: int) -> int:
    """Count the values, none of which is more than its file could hold.

    Raises:
        AssertionError: If a number is out of range.
    """
    if isinstance(value, Tensor):
        assert value.device.type == "cpu"
        assert value.layout is torch.strided
        assert value.nbytes <= size
        steps = zip(value.shape, value.stride(), strict=True)
        reach = sum((n - 1) * step for n, step in steps) + 1 if value.numel() else 0
        reach = (value.storage_offset() + reach) * value.element_size()
        assert reach <= value.untyped_storage().nbytes() <= size
        assert value.clone().shape == value.shape
    if isinstance(value, np.ndarray):
        assert value.dtype.kind in "biufcSU"
        assert len(value.tobytes()) <= size
    elif isinstance(value, HistoryBuffer):
        assert value.data[0].shape == value.data[1].shape
        return sum(check_harmless(array, size) for array in value.data)
    elif isinstance(value, dict):
        return sum(check_harmless(part, size) for part in value.values()) + 1
    elif isinstance(value, (list, tuple, set)):
        return sum(check_harmless(part, size) for part in value) + 1
    elif isinstance(value, int):
        assert abs(value) < 1 << 136
    return 1


@pytest.mark.parametrize(
    ("seed", "number"),
    [(0, 400), pytest.param(1, 10_000, marks=pytest.mark.slow)],
)
def test_a_changed_pickle_is_refused_or_harmless(tmp_path, seed, number):
    content = own_checkpoint()
    content["state_dict"]["mask"] = torch.tensor([True, False])
    content["optimizer"] = {
        "state": {0: {"momentum_buffer": torch.ones(2, 3)}},
        "param_groups": [{"lr": np.float64(0.1), "params": [0]}],
    }
    operations, parts = unpacked(content)
    path = tmp_path / "iter_3.pth"
    path.write_bytes(packed(b"".join(operations), parts))
    check_whole(path)
    draw = random.Random(seed)
    refused = 0
    for _ in range(number):
        path.write_bytes(packed(mutated(operations, draw), parts))
        refused += is_refused(path)
    print(f"{refused} of {number} changed pickles refused, the others harmless")
    assert number / 2 < refused < number


def read(path: Path) -> tuple[dict, str]:
    """What a file holds, or why it is refused."""
    try:
        return load_checkpoint_file(path), ""
    except CheckpointError as error:
        return {}, str(error)


def is_refused(path: Path) -> bool:
    """Whether a file is refused; otherwise it is checked, copied and written out."""
    size = path.stat().st_size
    begin = time.process_time()
    found, refusal = read(path)
    assert time.process_time() - begin < SECONDS
    if refusal:
        assert "iter_3.pth" in refusal
        assert "\n" not in refusal
        return True
    assert check_harmless(found, size) < 100 * size
    assert len(str(copy.deepcopy(found))) < 1000 * size
    try:
        check_whole(path)
    except CheckpointError:
        return True
    return False
