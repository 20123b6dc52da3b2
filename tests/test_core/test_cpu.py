from __future__ import annotations

import ctypes
import multiprocessing
import os
import platform

import processes  # noqa: F401, what its server imports once
import pytest
import torch

from mmseg_semisup.core.cpu import STATED, available_cores, keep_freed_memory


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


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
@pytest.mark.parametrize("stated", [None, *STATED])
def test_freed_memory_is_used_again(stated):
    server = multiprocessing.get_context("forkserver")
    process = server.Process(target=compare_faults, args=(stated,))
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize("library", [("", ""), ("musl", "1.2")])
def test_other_libraries_stay_as_they_are(monkeypatch, library):
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert keep_freed_memory() is False
