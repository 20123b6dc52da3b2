"""The two forms of a checkpoint's file: one directory, whole parts, nothing else."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
import torch

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import CheckpointError

CONTENT = {"state_dict": {"weight": torch.arange(1000.0)}}
END = struct.Struct("<4s4H2LH")


def saved() -> bytes:
    """A checkpoint, with the plain directory that Python writes."""
    written, plain = io.BytesIO(), io.BytesIO()
    torch.save(CONTENT, written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(plain, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return plain.getvalue()


def second_directory() -> bytes:
    """A directory where the file says, and another where zipfile looks."""
    content = saved()
    end = list(END.unpack(content[-END.size :]))
    directory = content[end[6] : end[6] + end[5]]
    return content[: -END.size] + directory + END.pack(*end)


def in_front() -> bytes:
    return b"PK\3\4 something else" + saved()


def comment() -> bytes:
    content = saved()
    return content[:-2] + b"\4\0more"


def twice() -> bytes:
    content = io.BytesIO(saved())
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(match="Duplicate"):
        archive.writestr("archive/data/0", bytes(4000))
    return content.getvalue()


def overlapping() -> bytes:
    """Two parts that begin at the same place."""
    content = bytearray(saved())
    end = END.unpack(content[-END.size :])
    first = content.index(b"PK\1\2", end[6])
    second = content.index(b"PK\1\2", first + 4)
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    return bytes(content)


def without_storage() -> bytes:
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved())) as old,
        zipfile.ZipFile(content, "w") as new,
    ):
        for name in old.namelist():
            if not name.endswith("data/0"):
                new.writestr(name, old.read(name))
    return content.getvalue()


def other_machine() -> bytes:
    content = saved().replace(b"little", b"biggie")
    crc = struct.pack("<L", zipfile.crc32(b"little"))
    return content.replace(crc, struct.pack("<L", zipfile.crc32(b"biggie")))


WRONG = {
    second_directory: "not at its stated place",
    in_front: "not at its stated place",
    comment: "something after its directory",
    twice: "two parts archive/data/0",
    overlapping: "overlap",
    without_storage: "data/0 has another size, or is gone",
    other_machine: "order of bytes of another machine",
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_another_archive_is_refused(tmp_path, change):
    path = tmp_path / "iter_4.pth"
    path.write_bytes(saved())
    assert load_checkpoint_file(path)["state_dict"]["weight"][999] == 999
    path.write_bytes(change())
    with pytest.raises(CheckpointError, match=rf"iter_4\.pth.*{WRONG[change]}"):
        load_checkpoint_file(path)


def stream(path: Path) -> bytes:
    """The older form of a checkpoint."""
    torch.save(CONTENT, path, _use_new_zipfile_serialization=False)
    return path.read_bytes()


@pytest.mark.parametrize("size", [999, 1001, 1 << 44])
def test_a_stream_whose_storage_has_another_size_is_refused(tmp_path, size):
    path = tmp_path / "iter_4.pth"
    number = (1000).to_bytes(8, "little")
    path.write_bytes(stream(path).replace(number, size.to_bytes(8, "little")))
    with pytest.raises(CheckpointError, match="another size"):
        load_checkpoint_file(path)


def test_a_stream_that_begins_otherwise_is_refused(tmp_path):
    path = tmp_path / "iter_4.pth"
    path.write_bytes(stream(path).replace(b"little_endian", b"little_endiaN"))
    with pytest.raises(CheckpointError, match="order of bytes"):
        load_checkpoint_file(path)


@pytest.mark.parametrize("location", ["cuda:999", "meta"])
def test_where_tensors_go_is_not_for_the_file_to_say(tmp_path, location):
    """Without a place in the call, one that does not exist is named."""
    path = tmp_path / "iter_4.pth"
    content = stream(path).replace(
        b"X\3\0\0\0cpu",
        b"X" + struct.pack("<I", len(location)) + location.encode(),
    )
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"iter_4\.pth"):
        load_checkpoint_file(path, map_location=None)
    if location != "meta":
        assert load_checkpoint_file(path)["state_dict"]["weight"].device.type == "cpu"
