"""The processor and its memory."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Numbers of settings of ``mallopt``, as glibc's malloc.h has them."""
STATED = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Variables by which a user has chosen how memory is managed."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_freed_memory() -> bool:
    """Keep freed memory in this process, for the tensors of the next step.

    glibc returns large blocks to the system when they are freed, and each page that
    comes back costs a fault and is filled with zeros: up to a quarter of a step's time.
    From now on the process holds as much memory as it needed at most, until
    :func:`release_freed_memory`. A process that it forks, the worker of a data loader,
    releases its own: the pages that its parent fills again would stay as they were for
    it, and so exist twice.

    Returns:
        Whether it is so: not without glibc, or where the environment states otherwise.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in STATED):
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        # Never return the top of the heap, and take no block from elsewhere.
        kept = bool(mallopt(TRIM_THRESHOLD, -1) and mallopt(MMAP_MAX, 0))
        if kept:
            _release_after_fork()
        return kept
    return False


def release_freed_memory() -> None:
    """Return all freed memory to the system, whether it is kept or not.

    Before and after what needs far more than a step, or blocks of other sizes, which
    do not fit into the places of a step's.
    """
    if platform.libc_ver()[0] == "glibc":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


@functools.cache
def _release_after_fork() -> None:
    """Let processes that this one forks begin with a release; once."""
    os.register_at_fork(after_in_child=release_freed_memory)
