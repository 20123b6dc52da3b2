"""Mistakes and locks among several processes: all go on, or all stop."""

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
from typing import IO, TypeVar

from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process

from .errors import ConfigError, WriteError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

T = TypeVar("T")
LOCK_NAME = ".lock"
HELD = (errno.EACCES, errno.EAGAIN)
"""What lockf says of a lock that another process has; the rest is the file system's."""


def on_main(function: Callable[[], T]) -> T:
    """Run something in the main process; everybody gets its result, or its error.

    Args:
        function: Its result can be pickled.

    Returns:
        The result, in every process.
    """
    outcome: list = [None, None]
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
        error: What this process met.

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
    """Another process's error; some types take more than a message."""
    try:
        return kind(message)
    except Exception:
        return RuntimeError(f"{kind.__name__}: {message}")


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Keep other runs out of a folder; the main process does it for all.

    The lock belongs to the process and ends with it, however it ends. Where files
    cannot be locked, a warning is printed and no other run is noticed.

    Args:
        folder: It is made if it does not exist.

    Raises:
        ConfigError: If another run is at work there.
        WriteError: If the file of the lock cannot be written.
    """
    handles: list = []
    on_main(lambda: handles.append(_lock(Path(folder))))
    try:
        yield
    finally:
        for handle in handles:
            handle.close()


def _lock(folder: Path) -> IO[bytes]:
    path = folder / LOCK_NAME
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # A buffer would fail on a full disk once more when it is closed.
            handle = stack.enter_context(path.open("a+b", buffering=0))
            _take(handle, folder)
            note = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": time.ctime(),
            }
            handle.truncate(0)
            handle.write(json.dumps(note).encode())
        except OSError as error:
            raise WriteError(
                f"cannot write {path}, which keeps other runs out of the folder: "
                f"{error.strerror or error}"
            ) from error
        stack.pop_all()
    return handle


def _take(handle: IO[bytes], folder: Path) -> None:
    """Lock an open file, or warn that this system cannot."""
    try:
        if fcntl is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        # Unlike flock, this is not inherited: orphaned workers do not keep it.
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            handle.seek(0)
            raise ConfigError(
                f"another run is at work in {folder}{_owner(handle.read())}; wait for "
                "its end, stop it, or use another folder"
            ) from error
        print(
            f"warning: files in {folder} cannot be locked "
            f"({error.strerror or error}): two runs there at once are not noticed",
            file=sys.stderr,
            flush=True,
        )


def _owner(text: bytes) -> str:
    try:
        note = json.loads(text)
        return f" (process {note['pid']} on {note['host']}, since {note['since']})"
    except (ValueError, KeyError, TypeError):
        return ""
