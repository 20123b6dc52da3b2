"""Writing files so that a reader sees either the old file or the whole new one."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from .errors import ConfigError, WriteError

TEMPORARY_PREFIX = ".partial-"
"""Names of files that are still being written start with this."""

_UMASK_LOCK = threading.Lock()


def atomic_write(path: str | Path, content: bytes) -> None:
    """Write a file durably and atomically.

    The bytes go to a temporary file in the same folder, which takes the place of
    ``path`` only after they have reached the disk. If that fails, the temporary file is
    removed and ``path`` is unchanged.

    Args:
        path: The file to write; its folder is made if it does not exist.
        content: All bytes of the file.

    Raises:
        WriteError: If the file cannot be written. The message names the file and the
            free space of its disk.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            prefix=f"{TEMPORARY_PREFIX}{path.name}-", dir=path.parent
        )
    except OSError as error:
        raise _describe(error, path) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner can read
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise _describe(error, path) from error
        raise
    _sync_folder(path.parent)


def remove_partial_files(folder: str | Path) -> None:
    """Remove what an earlier, killed process left half-written in a folder.

    Args:
        folder: The folder to clean; it need not exist.
    """
    for leftover in Path(folder).glob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


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
    except OSError as error:
        raise ConfigError(
            f"cannot write into the folder {folder}: {error.strerror or error}"
        ) from error


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
