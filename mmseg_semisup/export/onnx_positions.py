"""DINOv2's position embeddings in operations whose sizes ONNX may leave open."""

from __future__ import annotations

import torch
from torch import Tensor

CUBIC = -0.75
"""The free parameter of torch's bicubic interpolation."""


def positions_of_any_grid(
    positions: Tensor, grid: tuple[int, int], offset: float
) -> Tensor:
    """What ``resized_positions`` returns, by two matrix products.

    Traced, its factors of the scale would become constants.

    Args:
        positions: (1, 1 + G * G, D), float, the class token's first.
        grid: Patches of the images, as (rows, columns).
        offset: Patches added before the scale is computed; a grid of the size of
            pre-training is not scaled.

    Returns:
        (1, 1 + rows * columns, D).
    """
    side = int((positions.shape[1] - 1) ** 0.5)
    counts = [torch.arange(n, device=positions.device)[-1] + 1 for n in grid]
    scaled = (counts[0] != side) | (counts[1] != side)
    added = offset * scaled.float()
    rows, columns = (
        _weights(n, count, side, added) for n, count in zip(grid, counts, strict=True)
    )
    maps = positions[0, 1:].float().reshape(side, side, -1).permute(2, 0, 1)
    patches = (rows @ maps @ columns.transpose(0, 1)).flatten(1).transpose(0, 1)
    return torch.cat([positions[:, :1], patches[None].to(positions.dtype)], dim=1)


def _weights(length: int, count: Tensor, side: int, added: Tensor) -> Tensor:
    """Bicubic weights of ``side`` samples for each of ``length`` ones, (length, side).

    Keys, IEEE Transactions on Acoustics, Speech, and Signal Processing 29 (1981), with
    samples outside taken from the border.
    """
    place = torch.arange(length, device=count.device).float()
    place = (place + 0.5) * side / (count.float() + added) - 0.5
    begin = place.floor()
    samples = torch.arange(side, device=count.device)
    total = torch.zeros_like(place)[:, None] * samples.float()
    for step in (-1, 0, 1, 2):
        distance = (place - begin - step).abs()
        near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance * distance + 1
        far = ((distance - 5) * distance + 8) * distance - 4
        weight = near if step in (0, 1) else CUBIC * far
        index = (begin.long() + step).clamp(0, side - 1)
        total = total + weight[:, None] * (index[:, None] == samples).float()
    return total
