"""DINOv2's position embeddings at other image sizes, as the original interpolates."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def resized_positions(
    positions: Tensor, grid: tuple[int, int], offset: float
) -> Tensor:
    """Interpolate the position embeddings of patches.

    The original scales by (patches + ``offset``) / (patches of the square grid of
    pre-training), which moves the sampling points by up to ``offset`` / 2 patches;
    with 0, the ends of both grids coincide.

    Args:
        positions: (1, 1 + G * G, D), float, the class token's first.
        grid: Patches of the images, as (rows, columns).
        offset: 0.1 in DINOv2 without registers.

    Returns:
        (1, 1 + rows * columns, D).
    """
    side = int((positions.shape[1] - 1) ** 0.5)
    if grid == (side, side):
        return positions
    maps = positions[:, 1:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if offset:
        scales = tuple((count + offset) / side for count in grid)
        maps = F.interpolate(maps, scale_factor=scales, mode="bicubic")
    else:
        maps = F.interpolate(maps, size=grid, mode="bicubic")
    patches = maps.flatten(2).transpose(1, 2).to(positions.dtype)
    return torch.cat([positions[:, :1], patches], dim=1)


class OriginalPositions:
    """Replacement of a method of transformers' DINOv2 embeddings.

    Args:
        embeddings: The embeddings.
        offset: See :func:`resized_positions`.
    """

    def __init__(self, embeddings: Any, offset: float) -> None:
        self.embeddings = embeddings
        self.offset = offset

    def __call__(self, embeddings: Tensor, height: int, width: int) -> Tensor:
        """Position embeddings of images of (height, width) pixels."""
        rows, columns = self.embeddings.patch_embeddings.patch_size
        grid = (height // rows, width // columns)
        return resized_positions(self.embeddings.position_embeddings, grid, self.offset)
