"""How often the host waits for the device during a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

CUDA_WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
CPU_PROXIES = (
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
)
"""Operations that would wait for a GPU, which a CPU can show."""

STEPS = 2


def count_waits(step: Callable[[], object], device: str) -> dict[str, float]:
    """Count the host's waits in a step.

    On a CPU they are the operations whose result the host needs before it can go on.
    Optimizers keep their own counts on the host, so what they read there is left out.

    Args:
        step: A training step, already warm.
        device: Where it runs.

    Returns:
        Name of the operation to its number in a step.
    """
    activities = [ProfilerActivity.CPU]
    names: tuple[str, ...] = CPU_PROXIES
    if torch.device(device).type == "cuda":
        activities.append(ProfilerActivity.CUDA)
        names = CUDA_WAITS
        torch.cuda.synchronize(device)
    with profile(activities=activities) as profiler:
        for _ in range(STEPS):
            step()
    found = Counter(
        event.name
        for event in profiler.events()
        if event.name in names and not _in_optimizer(event)
    )
    # The profiler itself waits once, when it ends.
    return {name: count / STEPS for name, count in found.items() if count >= STEPS}


def _in_optimizer(event: Any) -> bool:
    while event is not None:
        if event.name.startswith("Optimizer."):
            return True
        event = event.cpu_parent
    return False
