"""Writing files so that a reader sees either the old file or the whole new one."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mmengine.fileio import LocalBackend, register_backend

from .errors import ConfigError, WriteError
from .plain_files import why_not_plain

TEMPORARY_PREFIX = ".partial-"
"""Names of files that are still being written start with this."""
NAME_KEPT = 50
"""Characters of a name, of up to 4 bytes, in that of its temporary file: file systems
allow names of 255 bytes."""

_UMASK_LOCK = threading.Lock()


def atomic_write(path: str | Path, content: bytes) -> None:
    """Write a file durably and atomically, see :func:`atomic_file`.

    Args:
        path: The file to write; its folder is made if it does not exist.
        content: All bytes of the file.

    Raises:
        WriteError: As :func:`atomic_file`.
    """
    with atomic_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file that is written durably and atomically, in parts.

    The bytes go to a temporary file in the same folder, which takes the place of
    ``path`` only after they have reached the disk. If that fails, the temporary file is
    removed and ``path`` is unchanged. A link is replaced, and its target stays as it
    is.

    Args:
        path: The file to write; its folder is made if it does not exist.

    Yields:
        The temporary file.

    Raises:
        WriteError: If the file cannot be written, or there is a folder, a pipe or a
            device. The message names the file and the free space of its disk.
    """
    path = Path(path)
    check_replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            prefix=f"{TEMPORARY_PREFIX}{path.name[:NAME_KEPT]}-", dir=path.parent
        )
    except OSError as error:
        raise _describe(error, path) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner can read; some file systems of
        # other systems have no such modes, and refuse to change them.
        with contextlib.suppress(OSError):
            os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and not isinstance(error, WriteError):
            raise _describe(error, path) from error
        raise
    _sync_folder(path.parent)


def append_to(path: str | Path) -> BinaryIO:
    """Open a file at its end, for a journal; no link is followed.

    Args:
        path: The file; made if it does not exist.

    Raises:
        WriteError: If it cannot be opened, or is a link or no file.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    # Without a reader, a pipe would be waited for.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            reason = why_not_plain(path) or "is a link"
            raise WriteError(f"cannot write {path}: it {reason}")
        return os.fdopen(os.open(path, flags, 0o666), "ab")
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise _describe(error, Path(path)) from error


def open_new(path: str | Path) -> BinaryIO:
    """Open a file for writing from its beginning, such as the output of a process.

    A file or a link of that name is removed before; the target of a link stays as it
    is.

    Args:
        path: The file; its folder must exist.

    Raises:
        WriteError: If it cannot be opened, or there is a folder, a pipe or a device.
    """
    path = Path(path)
    check_replaceable(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        path.unlink(missing_ok=True)
        return os.fdopen(os.open(path, flags, 0o666), "wb")
    except OSError as error:
        raise _describe(error, path) from error


def remove_partial_files(folder: str | Path) -> None:
    """Remove what an earlier, killed process left half-written in a folder.

    Args:
        folder: The folder to clean; it need not exist.
    """
    for leftover in Path(folder).glob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def check_replaceable(path: str | Path) -> None:
    """Raise WriteError if what has a name would not be replaced by a file.

    Args:
        path: The file that is to be written; need not exist.

    Raises:
        WriteError: If there is a folder, a pipe or a device.
    """
    path = Path(path)
    if not path.is_symlink() and path.exists() and not path.is_file():
        raise WriteError(f"cannot write {path}: it {why_not_plain(path)}")


def check_writable(folder: str | Path) -> None:
    """Make a folder and write a file there once.

    Args:
        folder: The folder.

    Raises:
        ConfigError: If that fails.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except (OSError, RecursionError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot write into the folder {folder}: {reason}") from error


@register_backend("atomic_local", force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local file backend with atomic writes of bytes."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes with :func:`atomic_write`.

        Args:
            obj: All bytes of the file.
            filepath: The file to write.

        Raises:
            WriteError: If the file cannot be written.
        """
        atomic_write(filepath, obj)


def _describe(error: OSError, path: Path) -> WriteError:
    message = f"cannot write {path}: {error.strerror or error}"
    with contextlib.suppress(OSError):
        usage = shutil.disk_usage(path.parent)
        message += f" ({usage.free / 1e6:.1f} MB free of {usage.total / 1e6:.1f} MB)"
    described = WriteError(f"{message}; the file is as it was before")
    described.errno = error.errno
    return described


def _umask() -> int:
    # The umask can only be read by setting it, for the whole process.
    with _UMASK_LOCK:
        mask = os.umask(0)
        os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    # Not every file system can sync a folder, and the file itself is already safe.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
