from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.atomic_io import (
    append_to,
    atomic_write,
    open_new,
    remove_partial_files,
)
from mmseg_semisup.core.errors import WriteError


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "new" / "file.bin"
    atomic_write(path, b"one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("letter", ["x", "ä", "图", "😀"])
def test_the_longest_names(tmp_path, letter):
    """File systems allow 255 bytes, and the temporary file has a name of its own."""
    size = len(letter.encode())
    path = tmp_path / (letter * (251 // size) + ".png")
    atomic_write(path, b"x")
    assert os.listdir(tmp_path) == [path.name]


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


def test_a_file_system_without_modes(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(atomic_io.os, "chmod", refuse)
    atomic_write(tmp_path / "file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


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


def test_a_link_is_replaced_and_its_target_stays(tmp_path):
    thesis, link = tmp_path / "thesis", tmp_path / "link"
    thesis.write_text("thesis")
    for target in (thesis, tmp_path / "gone", link):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        atomic_write(link, b"new")
        assert link.read_bytes() == b"new"
        assert not link.is_symlink()
    assert thesis.read_text() == "thesis"
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_stays(tmp_path, make):
    path = tmp_path / "x"
    make(path)
    writers = (lambda p: atomic_write(p, b"new"), append_to, open_new)
    for write in writers:
        with pytest.raises(WriteError, match=f"cannot write {path}: it is a"):
            write(path)
        with pytest.raises(WriteError, match="cannot write /dev/null: it is a device"):
            write("/dev/null")


def test_a_new_file_takes_the_place_of_a_file_and_of_a_link(tmp_path):
    path, thesis = tmp_path / "output", tmp_path / "thesis"
    thesis.write_text("thesis")
    path.symlink_to(thesis)
    for text in (b"longer", b"new"):
        with open_new(path) as file:
            file.write(text)
        assert path.read_bytes() == text
        assert not path.is_symlink()
    assert thesis.read_text() == "thesis"
    with pytest.raises(WriteError, match="No such file"):
        open_new(tmp_path / "gone" / "output")


def test_a_journal_grows_and_is_no_link(tmp_path):
    path, link = tmp_path / "journal", tmp_path / "link"
    for line in (b"one ", b"two"):
        with append_to(path) as file:
            file.write(line)
    assert path.read_bytes() == b"one two"
    link.symlink_to(path)
    with pytest.raises(WriteError, match="it is a link"):
        append_to(link)
    with pytest.raises(WriteError, match="No such file"):
        append_to(tmp_path / "gone" / "journal")
