"""Measures time and memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

STATUS = Path("/proc/self/status")


def now(device: torch.device | str) -> float:
    """Seconds on a clock, after the device has finished all work.

    Args:
        device: The device.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Times(NamedTuple):
    """Durations of the runs of one function, in seconds.

    Attributes:
        wall: Elapsed time.
        processor: Processor time of all threads of this process together, which is more
            reliable than the clock on a shared machine.
    """

    wall: list[float]
    processor: list[float]


def interleave(
    runs: Mapping[str, Callable[[], object]],
    repeats: int,
    warmup: int,
    device: torch.device | str,
) -> dict[str, Times]:
    """Time several functions in turn, so that other load affects all of them alike.

    Args:
        runs: Name to function.
        repeats: How often each is measured.
        warmup: How often each runs before.
        device: Where they run.

    Returns:
        Name to durations of the measured runs.
    """
    times = {name: Times([], []) for name in runs}
    for repeat in range(warmup + repeats):
        for name, run in runs.items():
            start, processor_start = now(device), time.process_time()
            run()
            end, processor_end = now(device), time.process_time()
            if repeat >= warmup:
                times[name].wall.append(end - start)
                times[name].processor.append(processor_end - processor_start)
    return times


@contextlib.contextmanager
def peak_memory(device: torch.device | str) -> Iterator[Callable[[], float]]:
    """Measure the peak memory within a block.

    Args:
        device: On a GPU, the allocated memory is measured; otherwise the growth of the
            process since the block began.

    Yields:
        A function that gives the peak so far, in MB; NaN where it cannot be known.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        yield lambda: torch.cuda.max_memory_allocated(device) / 1e6
        return
    with contextlib.suppress(OSError):
        # This resets the peak of the process on Linux.
        Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield lambda: _status("VmHWM") - before


def _status(key: str) -> float:
    """Read an entry of the process's status, in MB."""
    if not STATUS.exists():
        return float("nan")
    lines = STATUS.read_text().splitlines()
    values = [line.split()[1] for line in lines if line.startswith(f"{key}:")]
    return int(values[0]) * 1024 / 1e6 if values else float("nan")
