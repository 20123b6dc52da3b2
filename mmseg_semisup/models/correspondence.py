"""Which features of two views show the same place of an image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_semisup.datasets.geometry import rescale, view_to_view, warp

from .segmentors.step import Step

Size = tuple[int, int]


def same_places(
    step: Step, branches: tuple[str, str], sizes: tuple[Size, Size]
) -> tuple[Tensor, Tensor]:
    """For each feature of the first view, the one of the second at the same place.

    Found through the homographies of the views, so for any geometry and stride. Where
    the grids of features do not coincide, it is the nearest one.

    Args:
        step: The step; both branches are views of ``MultiView``.
        branches: The two views.
        sizes: (h, w) of the features of each.

    Returns:
        (N, h, w), int64, places 0..h2*w2-1 in the second view, 0 where there is none;
        and (N, h, w), bool, whether both views show the image there.
    """
    (first, second), (size, other_size) = branches, sizes
    carry = rescale(
        view_to_view(step.homography(second), step.homography(first)),
        tuple(step.images(second).shape[-2:]),
        other_size,
        tuple(step.images(first).shape[-2:]),
        size,
    )
    height, width = other_size
    places = torch.arange(height * width, device=carry.device)
    # Places that show padding are marked by a negative number.
    shown = _shown(step, second, other_size)
    places = torch.where(shown, places.view(1, height, width), -1)
    places, _ = warp(places, carry, size, "nearest", -1)
    overlap = (places >= 0) & _shown(step, first, size)
    return places.clamp(min=0), overlap


def _shown(step: Step, branch: str, size: Size) -> Tensor:
    """Features all of whose pixels show the image, (N, h, w), bool."""
    share = F.adaptive_avg_pool2d(step.valid(branch).float().unsqueeze(1), size)
    return share.squeeze(1) > 0.999


def take(maps: Tensor, places: Tensor) -> Tensor:
    """Values at places of a map.

    Args:
        maps: (N, P) or (N, P, D).
        places: (N, Q), int64, in 0..P-1.

    Returns:
        (N, Q) or (N, Q, D).
    """
    if maps.ndim == 2:
        return maps.gather(1, places)
    index = places.unsqueeze(2).expand(-1, -1, maps.shape[2])
    return maps.gather(1, index)
