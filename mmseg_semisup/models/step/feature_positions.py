"""Maps of images at the positions of a network's features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .seg_output import SegOutput


def nearest(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps (..., H, W) of any type at the nearest positions of a grid (h, w).

    Row i shows the pixels of row ``i * H // h``, as torch's ``interpolate`` does.

    Example:
        >>> nearest(torch.arange(5).view(1, 5), (1, 2))
        tensor([[0, 2]])
    """
    rows, columns = (
        torch.arange(short, device=maps.device) * full // short
        for short, full in zip(size, maps.shape[-2:], strict=True)
    )
    return maps[..., rows.unsqueeze(1), columns]


def feature_probs(output: SegOutput) -> Tensor:
    """Probabilities of the classes at the positions of the embedding.

    Args:
        output: Outputs of a network.

    Returns:
        (P, C), float, in 0..1, with P = N * h * w positions of the embedding.
    """
    logits = output.prediction.class_logits(at_least_float32(output.logits))
    probs = nearest(logits.softmax(dim=1), output.embedding.shape[-2:])
    return rows_of(probs)


def rows_of(maps: Tensor) -> Tensor:
    """Vectors of maps (N, D, h, w), in the order of the positions, (N * h * w, D)."""
    return maps.flatten(2).transpose(1, 2).flatten(0, 1)


def pick(maps: Sequence[Tensor], indices: Tensor) -> Tensor:
    """Vectors of some positions of several maps, which are not copied as a whole.

    Args:
        maps: Each (N_i, D, h_i, w_i), float; at least one.
        indices: (A,), int64, positions of all maps, one map after the other.

    Returns:
        (A, D), float.

    Example:
        >>> maps = [torch.tensor([1.0, 2.0]).view(1, 1, 1, 2), torch.ones(1, 1, 1, 1)]
        >>> pick(maps, torch.tensor([1, 2])).flatten()
        tensor([2., 1.])
    """
    found, first = maps[0].new_zeros(()), 0
    for each in maps:
        count, area = len(each), each.shape[2] * each.shape[3]
        places = (indices - first).clamp(0, count * area - 1)
        own = each.flatten(2)[places // area, :, places % area]
        found = torch.where((indices >= first).unsqueeze(1), own, found)
        first += count * area
    return found


def at_least_float32(values: Tensor) -> Tensor:
    """The values in float32, or in float64 if they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
