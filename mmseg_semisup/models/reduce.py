"""Sums and means over the processes of a training."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


def sum_of_processes(values: Tensor) -> Tensor:
    """The sum over all processes, differentiable.

    The gradient is the one of a single process with the whole batch, once
    ``DistributedDataParallel`` has averaged it.

    Args:
        values: Of any shape, float; the same shape in every process.

    Returns:
        Of the same shape.
    """
    processes = get_world_size()
    if processes == 1:
        return values
    total = values.detach().clone()
    all_reduce(total, op="sum")
    return total + processes * (values - values.detach())


@torch.no_grad()
def mean_of_processes(values: Tensor) -> Tensor:
    """The mean over all processes, without gradient; of any shape."""
    values = values.clone()
    all_reduce(values, "mean")
    return values
