"""What a step asks of the device: operators, kernels, copies, and waits for it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

OPERATOR = "aten::"
ON_LISTS = "aten::_foreach"
LAUNCHES = (
    "cudaLaunchKernel",
    "cudaLaunchKernelExC",
    "cuLaunchKernel",
    "cuLaunchKernelEx",
)
COPIES = ("cudaMemcpyAsync", "cudaMemcpy")
CUDA_WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
CPU_PROXIES = (
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
)
"""Operations that would wait for a GPU, which a CPU can show."""

STEPS = 2
SILENT = "6"
"""Level above all messages of Kineto, the library of torch's profiler."""


class Operations(NamedTuple):
    """Numbers of a step.

    Attributes:
        calls: Calls of torch's operators, those by other operators included. Those
            within an operator on lists, a single one on a GPU, are left out.
        launches: Kernels of the device; 0 on a CPU.
        copies: Copies from and to the device, and within it; 0 on a CPU.
        device_ms: Time of all kernels and copies, in milliseconds; 0 on a CPU.
        waits: Name of an operation for which the host waits to its number. On a CPU,
            those whose result the host needs before it can go on; optimizers keep their
            own counts on the host, so what they read there is left out.
    """

    calls: float
    launches: float
    copies: float
    device_ms: float
    waits: dict[str, float]


def count_operations(step: Callable[[], object], device: str) -> Operations:
    """Count the operations of a step with torch's profiler.

    Args:
        step: A training step, already warm.
        device: Where it runs.
    """
    activities = [ProfilerActivity.CPU]
    names: tuple[str, ...] = CPU_PROXIES
    if torch.device(device).type == "cuda":
        activities.append(ProfilerActivity.CUDA)
        names = CUDA_WAITS
        torch.cuda.synchronize(device)
    # The profiler's library would print its start and end; it reads this at first use.
    os.environ.setdefault("KINETO_LOG_LEVEL", SILENT)
    with profile(activities=activities) as profiler:
        for _ in range(STEPS):
            step()
    events = profiler.events()
    found = Counter(event.name for event in events)
    calls = sum(
        event.name.startswith(OPERATOR) and not _inside(event, ON_LISTS)
        for event in events
    )
    waits = Counter(
        event.name
        for event in events
        if event.name in names and not _inside(event, "Optimizer.")
    )
    on_device = (event for event in events if event.device_type.name == "CUDA")
    device_us = sum(event.time_range.elapsed_us() for event in on_device)
    return Operations(
        calls=calls / STEPS,
        launches=sum(found[name] for name in LAUNCHES) / STEPS,
        copies=sum(found[name] for name in COPIES) / STEPS,
        device_ms=device_us / 1e3 / STEPS,
        # The profiler itself waits once, when it ends.
        waits={name: count / STEPS for name, count in waits.items() if count >= STEPS},
    )


def count_waits(step: Callable[[], object], device: str) -> dict[str, float]:
    """Count the host's waits in a step, see :class:`Operations`.

    Args:
        step: A training step, already warm.
        device: Where it runs.
    """
    return count_operations(step, device).waits


def _inside(event: Any, name: str) -> bool:
    """Whether an event happened during another one, whose name begins so."""
    parent = event.cpu_parent
    return parent is not None and (
        parent.name.startswith(name) or _inside(parent, name)
    )
