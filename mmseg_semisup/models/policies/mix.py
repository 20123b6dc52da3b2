"""Pasting parts of images into others of the batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

PAIRINGS = ("next", "reversed")


class Mixing(NamedTuple):
    """Which pixels come from which other image.

    Attributes:
        mask: (N, H, W), bool, True where the partner's pixel is pasted.
        partner: (N,), int64, the other image of the batch.
    """

    mask: Tensor
    partner: Tensor

    def apply(self, maps: Tensor) -> Tensor:
        """Mix maps, (N, ..., H, W) of any type, as the images are mixed."""
        mask = self.mask.view(-1, *[1] * (maps.ndim - 3), *self.mask.shape[1:])
        return torch.where(mask, maps[self.partner], maps)


class Mix(nn.Module):
    """Chooses partners and pixels."""

    def forward(self, images: Tensor, labels: Tensor, weights: Tensor) -> Mixing:
        """What to paste where.

        Args:
            images: (N, 3, H, W), float.
            labels: (N, H, W), int64.
            weights: (N, H, W), bool or float in 0..1, how much each pixel counts.
        """
        raise NotImplementedError

    def mixing(self, images: Tensor, labels: Tensor, weights: Tensor) -> Mixing:
        """:meth:`forward`, checked.

        Raises:
            ValueError: If the result has a wrong shape.
        """
        mixing = self(images, labels, weights)
        shapes = tuple(mixing.mask.shape), tuple(mixing.partner.shape)
        if shapes != (tuple(labels.shape), (len(images),)):
            raise ValueError(
                f"{type(self).__name__} gave a mask {shapes[0]} and partners "
                f"{shapes[1]} for labels {tuple(labels.shape)}; allowed: (N, H, W) and "
                "(N,)"
            )
        return mixing


@MODELS.register_module()
class CutMix(Mix):
    """A rectangle of another image is pasted into each (French et al., BMVC 2020).

    Its area is uniform in a range. Its side lengths are the image's to the powers of u
    and 1 - u of the area, u uniform in 0..1: so it always fits, and its position is
    uniform over those in which it does.

    Args:
        area: Least and greatest share of the image that it covers.
        pairing: 'next': each image takes from the one before it, the first from the
            last; 'reversed': the first takes from the last, the second from the last
            but one.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self, area: tuple[float, float] = (0.25, 0.5), pairing: str = "next"
    ) -> None:
        super().__init__()
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(
                f"CutMix: area={area}; allowed: 0 < least <= greatest <= 1"
            )
        if pairing not in PAIRINGS:
            raise ValueError(f"CutMix: pairing={pairing!r}; allowed: {PAIRINGS}")
        least, greatest = area
        self.area = (least, greatest)
        self.pairing = pairing

    def forward(self, images: Tensor, labels: Tensor, weights: Tensor) -> Mixing:
        """A rectangle in each image."""
        height, width = images.shape[-2:]
        size = (height, width)
        mask = random_boxes(len(images), size, self.area, images.device)
        indices = torch.arange(len(images), device=images.device)
        partner = indices.roll(1) if self.pairing == "next" else indices.flip(0)
        return Mixing(mask, partner)


def random_boxes(
    count: int,
    size: tuple[int, int],
    area: tuple[float, float],
    device: torch.device | str,
) -> Tensor:
    """A random rectangle in each image, (count, H, W), bool, drawn on the device.

    Args:
        count: Number of images.
        size: Their (H, W), in pixels.
        area: Least and greatest share of the image.
        device: Where to draw.
    """
    height, width = size
    low, high = area
    share = low + (high - low) * torch.rand(count, 1, device=device)
    # log-uniform aspect: the side length is share ** u of the image's.
    stretch = torch.rand(count, 1, device=device)
    box_h, box_w = share**stretch * height, share ** (1 - stretch) * width
    top = torch.rand(count, 1, device=device) * (height - box_h)
    left = torch.rand(count, 1, device=device) * (width - box_w)
    rows = torch.arange(height, device=device) + 0.5
    columns = torch.arange(width, device=device) + 0.5
    in_rows = (rows >= top) & (rows < top + box_h)
    in_columns = (columns >= left) & (columns < left + box_w)
    return in_rows.unsqueeze(2) & in_columns.unsqueeze(1)


def build_mix(cfg: Any, area: tuple[float, float] | None = None) -> Mix | None:
    """A mixing policy from its config; 'cutmix' is the default one, 'none' is None.

    Args:
        cfg: Config or name.
        area: Of 'cutmix', see :class:`CutMix`; None: its default.

    Raises:
        ValueError: If a name is none of these.
    """
    if cfg in (None, "none"):
        return None
    if isinstance(cfg, str):
        if cfg != "cutmix":
            raise ValueError(
                f"mix={cfg!r}; allowed: 'cutmix', 'none', or dict(type='CutMix', ...)"
            )
        return CutMix() if area is None else CutMix(area)
    return MODELS.build(cfg)
