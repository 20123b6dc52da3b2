"""Policies that paste parts of images into other images of the batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

PAIRINGS = ("next", "reversed")


class Mixing(NamedTuple):
    """The partner of each image, and the pixels that are pasted from it.

    Attributes:
        mask: (N, H, W), bool; pixels that are pasted from the partner.
        partner: (N,), int64, index of the other image in the batch.
    """

    mask: Tensor
    partner: Tensor

    def apply(self, maps: Tensor) -> Tensor:
        """Mix maps, (N, ..., H, W) of any type, in the same way as the images."""
        mask = self.mask.view(-1, *[1] * (maps.ndim - 3), *self.mask.shape[1:])
        return torch.where(mask, maps[self.partner], maps)


class Mix(nn.Module):
    """Base of the mixing policies."""

    def forward(self, images: Tensor, labels: Tensor, weights: Tensor) -> Mixing:
        """Choose partners and pixels.

        Args:
            images: (N, 3, H, W), float.
            labels: (N, H, W), int64.
            weights: (N, H, W), bool or float in 0..1, weight of each pixel.
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
    """Pastes a rectangle of another image into each (French et al., BMVC 2020).

    Its area a, a share of the image, is uniform in a range. Its sides are the shares
    a**u and a**(1 - u) of the image's, with u uniform in 0..1, so that it always fits.
    Its position is uniform.

    Args:
        area: Least and greatest area, as shares of the image.
        pairing: Partner of an image. 'next': the image before it, for the first image
            the last one; 'reversed': for the first image the last one, for the second
            the last but one.

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
        """Draw a rectangle in each image."""
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
    """Draw a random rectangle in each image, (count, H, W), bool, on the device.

    Args:
        count: Number of images.
        size: Size of the images, (H, W), in pixels.
        area: Least and greatest area, as shares of the image.
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
    """Build a mixing policy from its config; 'cutmix' is the default one, 'none' None.

    Args:
        cfg: Config or name.
        area: Argument of 'cutmix', see :class:`CutMix`; None: its default.

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
