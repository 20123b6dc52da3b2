"""What is no plain file is named, and nobody waits for it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_semisup.core import plain_files
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.plain_files import (
    check_own_folder,
    open_plain,
    read_plain,
    why_not_plain,
)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "cannot be read: No such file"),
    "folder": (Path.mkdir, "is a folder"),
    "pipe": (os.mkfifo, "is a pipe"),
    "socket": (listening, "is a socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "broken": (lambda path: path.symlink_to("/gone"), "is a broken link to '/gone'"),
    "circle": (lambda path: path.symlink_to(path), "is a broken link"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_things_are_named(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    make, reason = OTHERS[kind]
    path = Path("x")
    make(path)
    assert reason in why_not_plain(path)
    with pytest.raises(OSError, match=f"^x {reason}"):
        open_plain(path)


def test_a_file_is_read_also_through_a_link(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"content")
    link.symlink_to(path)
    for one in (path, link):
        assert why_not_plain(one) is None
        with open_plain(one) as file:
            assert file.read() == b"content"
        assert read_plain(one) == b"content"
    assert "is no path" in why_not_plain("a\0b")


class Replaced:
    """A file that another machine replaces so many times while it is read."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, path: Path) -> Replaced:
        return self

    def __enter__(self) -> Replaced:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self) -> bytes:
        self.left -= 1
        if self.left >= 0:
            raise OSError(errno.ESTALE, "Stale file handle")
        return b"new"


def test_a_file_that_is_replaced_is_read_again(monkeypatch):
    monkeypatch.setattr(plain_files, "open_plain", Replaced(plain_files.REPLACED))
    assert read_plain("x") == b"new"
    monkeypatch.setattr(plain_files, "open_plain", Replaced(plain_files.REPLACED + 1))
    with pytest.raises(OSError, match="Stale"):
        read_plain("x")


LOG = "20261126_181106"


@pytest.mark.parametrize(
    "place",
    ["first", f"{LOG}", "first/pseudo_masks", f"{LOG}/vis_data", f"{LOG}/x.log"],
)
def test_links_that_would_be_written_through_are_named(tmp_path, place):
    """A work-dir of somebody else, with links to folders and logs of one's own."""
    own, work = tmp_path / "own", tmp_path / "work"
    (own / "folder").mkdir(parents=True)
    (own / "file").write_text("thesis")
    link = work / place
    link.parent.mkdir(parents=True)
    check_own_folder(work)
    link.symlink_to(own / ("file" if link.suffix else "folder"))
    with pytest.raises(ConfigError, match=f"{link} is a link to .*, outside of the"):
        check_own_folder(work)


def test_links_that_are_replaced_or_stay_inside_are_none_of_them(tmp_path):
    (tmp_path / "file").write_text("thesis")
    work = tmp_path / "work"
    (work / "masks").mkdir(parents=True)
    (work / "iter_4.pth").symlink_to(tmp_path / "file")
    (work / "last_checkpoint").symlink_to(tmp_path / "gone")
    (work / "again").symlink_to(work / "masks")
    (tmp_path / "link").symlink_to(work)
    for folder in (work, tmp_path / "link", tmp_path / "none"):
        assert check_own_folder(folder) is None
