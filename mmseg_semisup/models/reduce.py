"""Sums and means over the processes of a training."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


def sum_of_processes(values: Tensor) -> Tensor:
    """The sum over all processes, differentiable.

    After ``DistributedDataParallel`` has averaged it, the gradient equals that of a
    single process with the whole batch.

    Args:
        values: Float tensor of any shape, which is the same in every process.

    Returns:
        A tensor of the same shape.
    """
    processes = get_world_size()
    if processes == 1:
        return values
    total = values.detach().clone()
    all_reduce(total, op="sum")
    return total + processes * (values - values.detach())


@torch.no_grad()
def share_seen(images: int, total: int, like: Tensor) -> float | Tensor:
    """The share of a data set that one step of all processes sees, at most 1.

    It is the same in all of them, also where they have other numbers of images.

    Args:
        images: Images of this process.
        total: Images of the data set.
        like: Float tensor, of whose type and device the share is.

    Returns:
        A scalar; with one process, a number.
    """
    if get_world_size() == 1:
        return min(images / total, 1.0)
    seen = torch.full((), float(images), dtype=like.dtype, device=like.device)
    all_reduce(seen, op="sum")
    return (seen / total).clamp(max=1)


@torch.no_grad()
def mean_of_processes(values: Tensor) -> Tensor:
    """The mean over all processes, without gradient; of any shape."""
    values = values.clone()
    all_reduce(values, "mean")
    return values
