"""Mistakes and locks among several processes: all go on, or all stop."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process

from .config import ConfigError

T = TypeVar("T")
LOCK_NAME = ".lock"


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
        kind, message = outcome[1]
        raise kind(message)
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
            kind, message = other
            raise kind(message)


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Keep other runs out of a folder; the main process does it for all.

    The lock belongs to the process and ends with it, however it ends.

    Args:
        folder: It is made if it does not exist.

    Raises:
        ConfigError: If another run is at work there.
    """
    handles: list = []
    on_main(lambda: handles.append(_lock(Path(folder))))
    try:
        yield
    finally:
        for handle in handles:
            handle.close()


def _lock(folder: Path) -> object:
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_NAME
    handle = path.open("a+", encoding="utf-8")
    try:
        # Unlike flock, this is not inherited: orphaned workers do not keep it.
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = _owner(handle.read())
        handle.close()
        raise ConfigError(
            f"another run is at work in {folder}{owner}; wait for its end, stop it, or "
            "use another folder"
        ) from error
    handle.seek(0)
    handle.truncate()
    note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.ctime()}
    handle.write(json.dumps(note))
    handle.flush()
    return handle


def _owner(text: str) -> str:
    try:
        note = json.loads(text)
        return f" (process {note['pid']} on {note['host']}, since {note['since']})"
    except (ValueError, KeyError, TypeError):
        return ""
