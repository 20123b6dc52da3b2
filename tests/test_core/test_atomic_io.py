from __future__ import annotations

import errno
import os
import stat

import pytest

from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.atomic_io import atomic_write, remove_partial_files


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "new" / "file.bin"
    atomic_write(path, b"one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    ordinary, path = tmp_path / "ordinary", tmp_path / "file"
    ordinary.touch()
    atomic_write(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, call):
    path = tmp_path / "file.bin"
    atomic_write(path, b"old")

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_io.os, call, fail)
    with pytest.raises(OSError, match=r"file\.bin: No space left.*MB free") as raised:
        atomic_write(path, b"new")
    assert raised.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.bin"]


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write"):
        atomic_write(tmp_path / "file" / "below", b"x")


def test_leftovers_are_removed(tmp_path):
    (tmp_path / f"{atomic_io.TEMPORARY_PREFIX}iter_1.pth-abc").touch()
    (tmp_path / "iter_1.pth").touch()
    remove_partial_files(tmp_path)
    remove_partial_files(tmp_path / "missing")
    assert os.listdir(tmp_path) == ["iter_1.pth"]
