"""Errors and locks that the processes of a run share: all go on, or all stop."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from filelock import BaseFileLock, Timeout, UnixFileLock, WindowsFileLock
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process

from .atomic_io import remove_partial_files
from .errors import ConfigError, WriteError
from .plain_files import read_plain

T = TypeVar("T")
FileLock = WindowsFileLock if sys.platform == "win32" else UnixFileLock
LOCK_NAME = ".lock"
NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK)
"""Error numbers of file systems and platforms without locks."""


def warn(text: str) -> None:
    """Warn the user, in the main process only.

    Args:
        text: One sentence, without a full stop.
    """
    if is_main_process():
        print(f"warning: {text}", file=sys.stderr, flush=True)


def on_main(function: Callable[[], T]) -> T:
    """Run a function in the main process, and share its result or its error.

    Args:
        function: A function whose result can be pickled.

    Returns:
        The result, in every process.
    """
    outcome: list[Any] = [None, None]
    failure: Exception | None = None
    if is_main_process():
        try:
            outcome[0] = function()
        except Exception as error:
            failure = error
            outcome[1] = (type(error), str(error))
    broadcast_object_list(outcome)
    if failure is not None:
        raise failure
    if outcome[1] is not None:
        raise _same(*outcome[1])
    return outcome[0]


def stop_together(error: Exception | None) -> None:
    """Let all processes stop if one had an error; all of them must call this.

    Args:
        error: The error of this process, or None.

    Raises:
        Exception: Its own error, or that of another process.
    """
    outcome = None if error is None else (type(error), str(error))
    outcomes = all_gather_object(outcome)
    if error is not None:
        raise error
    for other in outcomes:
        if other is not None:
            raise _same(*other)


def _same(kind: type[Exception], message: str) -> Exception:
    """Rebuild another process's error, as RuntimeError if its type needs more."""
    try:
        return kind(message)
    except Exception:
        return RuntimeError(f"{kind.__name__}: {message}")


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Lock a folder against other runs; the main process holds the lock for all.

    What a killed run was writing there is removed, not in the folders below. The lock
    belongs to the process and ends with it, however it ends. Where files
    cannot be locked, a warning is printed, and other runs go unnoticed.

    Args:
        folder: The folder; made if it does not exist.

    Raises:
        ConfigError: If another run is at work there.
        WriteError: If the file of the lock cannot be written.
    """
    locks: list[BaseFileLock] = []
    on_main(lambda: locks.append(_lock(Path(folder))))
    try:
        yield
    finally:
        for lock in locks:
            lock.release()


def _lock(folder: Path) -> BaseFileLock:
    path = folder / LOCK_NAME
    # A soft lock, which filelock falls back to, would outlive a killed process.
    lock = FileLock(path, blocking=False, fallback_to_soft=False, on_acquired=_sign)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_nlink > 1 and not path.is_symlink():
            raise WriteError(f"cannot write {path}: the file has another name, too")
        lock.acquire()
    except Timeout as error:
        raise ConfigError(
            f"another run is at work in {folder}{_owner(path)}; wait for its end, stop "
            "it, or use another folder"
        ) from error
    except WriteError:
        raise
    except OSError as error:
        reason = error.strerror or error
        if error.errno not in NO_LOCKS:
            raise WriteError(
                f"cannot write {path}, which keeps other runs out of the folder: "
                f"{'it is a link' if path.is_symlink() else reason}"
            ) from error
        print(
            f"warning: files in {folder} cannot be locked ({reason}): two runs there "
            "at once are not noticed",
            file=sys.stderr,
            flush=True,
        )
    else:
        # Whoever wrote these is not at work any more.
        remove_partial_files(folder)
    return lock


def _sign(descriptor: int) -> None:
    """Write process, host and time into the file of the lock."""
    note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.ctime()}
    os.write(descriptor, json.dumps(note).encode())


def _owner(path: Path) -> str:
    try:
        note = json.loads(read_plain(path))
        return f" (process {note['pid']} on {note['host']}, since {note['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
