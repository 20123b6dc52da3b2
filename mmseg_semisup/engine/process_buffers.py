"""Saves and restores buffers that differ between processes, e.g. batch statistics."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor, nn


def gather_own_buffers(model: nn.Module) -> list[dict[str, Tensor]]:
    """Collect the buffers that differ from the main process's; all processes call this.

    Parameters are equal in all processes. Statistics of batch normalisation are not, as
    each process takes them of its own images, and a teacher predicts with them.

    Args:
        model: The model, bare or inside a distributed one.

    Returns:
        For each process, name to buffer, on the host; empty if there is only one.
    """
    if get_world_size() == 1:
        return []
    bare: Any = model.module if is_model_wrapper(model) else model
    return gather_differing(
        {
            name: value.detach()
            for name, value in bare.state_dict(keep_vars=True).items()
            if isinstance(value, Tensor) and not isinstance(value, nn.Parameter)
        }
    )


def gather_differing(buffers: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Collect the tensors that differ from the main process's; all call this.

    Args:
        buffers: Name to tensor, on any device; the names are the same in all processes.

    Returns:
        For each process, name to tensor, on the host; empty if there is only one.
    """
    if get_world_size() == 1:
        return []
    held = {name: value.cpu().contiguous() for name, value in buffers.items()}
    digests = {name: _digest(value) for name, value in held.items()}
    first = all_gather_object(digests)[0]
    own = {name: v for name, v in held.items() if digests[name] != first[name]}
    return all_gather_object(own)


def restore_own_buffers(
    state_dict: dict[str, Tensor], buffers: list[dict[str, Tensor]]
) -> None:
    """Put this process's buffers in place of the main one's.

    Args:
        state_dict: The model's, from a checkpoint; changed in place.
        buffers: The result of :func:`gather_own_buffers`.
    """
    if len(buffers) == get_world_size():
        state_dict.update(buffers[get_rank()])
    elif any(buffers):
        print_log(
            f"The checkpoint is of {len(buffers)} processes, these are "
            f"{get_world_size()}: all begin with the buffers of the first",
            logger="current",
        )


def _digest(value: Tensor) -> bytes:
    content = value.reshape(-1).view(torch.uint8).numpy()
    return hashlib.blake2b(content.data, digest_size=16).digest()
