"""Time and memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

STATUS = Path("/proc/self/status")


def now(device: torch.device | str) -> float:
    """Seconds on a clock, after the device has finished what it was given.

    Args:
        device: The device.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Times(NamedTuple):
    """Durations of the runs of one function, in seconds.

    Attributes:
        wall: On the clock.
        processor: Of all threads of this process together. On a machine that others
            use too, it says more about a CPU than the clock.
    """

    wall: list[float]
    processor: list[float]


def interleave(
    runs: Mapping[str, Callable[[], object]],
    repeats: int,
    warmup: int,
    device: torch.device | str,
) -> dict[str, Times]:
    """Time several functions in turn, so that a slow moment meets all of them.

    Args:
        runs: Name to function.
        repeats: Times that each is measured.
        warmup: Times that each runs before.
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
    """Measure the most memory that is in use within a block.

    Args:
        device: A GPU, whose allocated memory is measured; otherwise it is what the
            process holds beyond what it held when the block began.

    Yields:
        A function that gives the peak so far, in MB; NaN where it cannot be known.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        yield lambda: torch.cuda.max_memory_allocated(device) / 1e6
        return
    with contextlib.suppress(OSError):
        # Linux resets the peak of the process when asked like this.
        Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield lambda: _status("VmHWM") - before


def _status(key: str) -> float:
    """An entry of the process's status, in MB."""
    if not STATUS.exists():
        return float("nan")
    lines = STATUS.read_text().splitlines()
    values = [line.split()[1] for line in lines if line.startswith(f"{key}:")]
    return int(values[0]) * 1024 / 1e6 if values else float("nan")
