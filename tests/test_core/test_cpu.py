from __future__ import annotations

import ctypes
import multiprocessing
import os
import platform
from collections.abc import Callable
from pathlib import Path

import processes  # noqa: F401, what its server imports once
import pytest
import torch

from mmseg_semisup.core.cpu import (
    STATED,
    available_cores,
    keep_freed_memory,
    release_freed_memory,
)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone has it")
def test_cores_that_the_process_may_not_use_do_not_count():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert available_cores() == len(allowed)


def test_without_affinity_all_cores_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert available_cores() == 7


def faults_of_further_tensors() -> int:
    """Pages that a process gets again when it allocates what it has just freed."""
    import resource  # which Windows lacks

    torch.empty(2**24).fill_(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.empty(2**24).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def compare_faults(stated: str | None) -> None:
    """In a process without a history: fail unless freed memory is used again."""
    for name in STATED:
        os.environ.pop(name, None)
    if stated:
        os.environ[stated] = "1"
    torch.set_num_threads(1)
    before = faults_of_further_tensors()
    kept = keep_freed_memory()
    after = faults_of_further_tensors()
    assert kept is (stated is None)
    # 64 MiB are 16,384 pages of 4 KiB, or 32 of 2 MiB.
    assert after < before / 4 if kept else after > before / 2, (before, after)


def resident_memory() -> int:
    """Megabytes of this process that are in memory, shared ones too."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def compare_memory() -> None:
    """Fail unless a fork, and then this process, release what this one has freed."""
    for name in STATED:
        os.environ.pop(name, None)
    torch.set_num_threads(1)
    assert keep_freed_memory()
    assert keep_freed_memory()
    before = resident_memory()
    kept = [torch.ones(2**22) for _ in range(32)][::8]
    assert resident_memory() > before + 400
    child = os.fork()
    if child == 0:
        os._exit(int(resident_memory() > before + 200))
    assert os.waitpid(child, 0)[1] == 0
    assert resident_memory() > before + 400
    release_freed_memory()
    assert resident_memory() < before + 200
    assert all(tensor.eq(1).all() for tensor in kept)


GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's")


def succeeds(function: Callable[..., None], *args: object) -> bool:
    """Whether a function does not fail in a process without a history."""
    server = multiprocessing.get_context("forkserver")
    process = server.Process(target=function, args=args)
    process.start()
    process.join()
    return process.exitcode == 0


@pytest.mark.slow
@GLIBC
@pytest.mark.parametrize("stated", [None, *STATED])
def test_freed_memory_is_used_again(stated):
    assert succeeds(compare_faults, stated)


@pytest.mark.slow
@GLIBC
def test_forked_processes_do_not_hold_what_is_free():
    assert succeeds(compare_memory)


@pytest.mark.parametrize("library", [("", ""), ("musl", "1.2")])
def test_other_libraries_stay_as_they_are(monkeypatch, library):
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert keep_freed_memory() is False
    release_freed_memory()
