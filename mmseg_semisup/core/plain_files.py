"""Opening files that may be something else: a folder, a pipe, a device, a broken link.

Opening a pipe waits until somebody writes into it, and a device may have no end.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from .errors import ConfigError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

REPLACED = 3
"""How often a file may be replaced while it is read."""


def why_not_plain(path: str | Path) -> str | None:
    """What keeps a path from being a file that can be read, or None.

    Links are followed, and nothing is opened.

    Args:
        path: Any path.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if os.path.islink(path):
            return f"is a broken link to {os.readlink(path)!r}"
        return f"cannot be read: {error.strerror or error}"
    except ValueError as error:
        return f"is no path: {error}"
    if not stat.S_ISREG(mode):
        return f"is {KINDS.get(stat.S_IFMT(mode), 'no file')}, not a file"
    return None


def open_plain(path: str | Path) -> BinaryIO:
    """Open a plain file for reading; never waits, as for a pipe.

    Args:
        path: The file, or a link to one.

    Raises:
        OSError: If it is anything else, or cannot be read; the message names it.
    """
    reason = why_not_plain(path)
    if reason is not None:
        raise OSError(f"{path} {reason}")
    # It may have been exchanged since.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is not a file")
    return os.fdopen(descriptor, "rb")


def read_plain(path: str | Path) -> bytes:
    """All bytes of a plain file.

    On a network's file system, one that another machine replaces meanwhile is opened
    again.

    Args:
        path: The file, or a link to one.

    Raises:
        OSError: As :func:`open_plain`.
    """
    for _ in range(REPLACED):
        try:
            with open_plain(path) as file:
                return file.read()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
    with open_plain(path) as file:
        return file.read()


def check_own_folder(folder: str | Path, levels: int = 3) -> None:
    """Raise ConfigError for links through which a run would write into other folders.

    What is written replaces links to files, and so leaves their targets alone. A link
    to a folder, and one among logs, would be followed.

    Args:
        folder: A work-dir, or another folder that is written into; need not exist.
        levels: How deep it is searched.

    Raises:
        ConfigError: If there is such a link.
    """
    try:
        root = os.path.realpath(folder)
    except ValueError as error:
        raise ConfigError(f"cannot write into the folder {folder!r}: {error}") from None
    for place, folders, files in os.walk(root):
        logs = [*files] if _LOGS.fullmatch(os.path.basename(place)) else []
        for name in (*folders, *logs):
            path = os.path.join(place, name)
            target = os.path.realpath(path)
            if os.path.islink(path) and not target.startswith(root + os.sep):
                raise ConfigError(
                    f"{path} is a link to {os.readlink(path)!r}, outside of the "
                    "folder, which would be written into; remove the link, or write "
                    "there without one"
                )
        if place.count(os.sep) - root.count(os.sep) + 1 >= levels:
            folders.clear()


_LOGS = re.compile(r"\d{8}_\d{6}|vis_data")
"""Folders of MMEngine's logs, which it opens without replacing them."""
_BINARY = getattr(os, "O_BINARY", 0)
