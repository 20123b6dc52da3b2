"""Sends images and maps to a device: one copy for all, for which the host never waits.

Tensors that are on the device already stay there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Device = torch.device | str


def sent(tensors: Tensor | Sequence[Tensor], device: Device) -> Tensor:
    """Tensors of one size and type as one on the device.

    Args:
        tensors: One or more, or a stack of them.
        device: Where to.
    """
    device = torch.device(device)
    if not isinstance(tensors, Tensor):
        if tensors[0].device.type == device.type:
            return torch.stack(list(tensors))
        size = (len(tensors), *tensors[0].shape)
        pinned = torch.empty(size, dtype=tensors[0].dtype, pin_memory=True)
        tensors = torch.stack(list(tensors), out=pinned)
    if tensors.device.type == device.type:
        return tensors
    if not tensors.is_pinned():
        tensors = tensors.pin_memory()
    return tensors.to(device, non_blocking=True)


def sent_each(
    tensors: Sequence[Tensor], device: Device, dtype: torch.dtype | None = None
) -> list[Tensor]:
    """Tensors of any sizes on the device, in one copy if they have one type.

    Args:
        tensors: One or more.
        device: Where to.
        dtype: Their type there; None: it stays.
    """
    if len({tensor.dtype for tensor in tensors}) > 1:
        moved = (tensor.to(device, non_blocking=True) for tensor in tensors)
        return [tensor.to(dtype or tensor.dtype) for tensor in moved]
    dtype = dtype or tensors[0].dtype
    if len({tensor.shape for tensor in tensors}) == 1:
        return list(sent(tensors, device).to(dtype))
    if tensors[0].device.type == torch.device(device).type:
        return [tensor.to(dtype) for tensor in tensors]
    flat = sent(torch.cat([tensor.flatten() for tensor in tensors]), device)
    parts = flat.to(dtype).split([tensor.numel() for tensor in tensors])
    return [
        part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)
    ]


def sent_padded(
    maps: Tensor | Sequence[Tensor],
    size: tuple[int, int],
    device: Device,
    value: float = 0,
) -> Tensor:
    """Maps on the device, each in the upper left corner of one of a common size.

    Args:
        maps: N maps, each (..., h, w), of one type.
        size: H and W, at least the height and width of each.
        device: Where to.
        value: What stands beside and below them.

    Returns:
        (N, ..., H, W), of the same type.
    """
    if isinstance(maps, Tensor) and maps.shape[-2:] == size:
        return sent(maps, device)
    first = maps[0]
    whole = torch.full(
        (len(maps), *first.shape[:-2], *size),
        value,
        dtype=first.dtype,
        device=first.device,
        pin_memory=first.device.type == "cpu" and torch.device(device).type != "cpu",
    )
    for place, part in zip(whole, maps, strict=True):
        place[..., : part.shape[-2], : part.shape[-1]] = part
    return sent(whole, device)


def padding(
    shapes: Sequence[Sequence[int]], size: tuple[int, int], device: Device
) -> Tensor:
    """Pixels of a padded batch that no image has, (N, 1, H, W), bool.

    Args:
        shapes: Height and width of each of N images.
        size: H and W of the batch.
        device: Where to compute it.
    """
    ends = sent(torch.tensor(shapes), device).view(-1, 2, 1, 1, 1)
    rows = torch.arange(size[0], device=ends.device).view(-1, 1)
    columns = torch.arange(size[1], device=ends.device)
    return (rows >= ends[:, 0]) | (columns >= ends[:, 1])
