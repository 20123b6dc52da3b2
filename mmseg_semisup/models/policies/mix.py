"""Policies that paste parts of images into other images of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..step.step import Step
from ..step.view import View
from .mixing import AnyMixing, Mixing, Target
from .select import Select

PAIRINGS = ("next", "reversed", "same")
CANDIDATES = 64
"""Rectangles that are drawn for an image to find one that fits: one in six does."""


class Mix(nn.Module):
    """Base of the mixing policies.

    Attributes:
        pairs: Whether images are mixed with each other, so that two are needed.
        reads: Names of further views that it needs.
    """

    pairs: ClassVar[bool] = True
    reads: ClassVar[Sequence[str]] = ()

    def forward(self, target: Target, step: Step) -> AnyMixing:
        """Choose partners and pixels.

        Args:
            target: Images, their labels and the weights of pixels, before mixing.
            step: The step.
        """
        raise NotImplementedError

    def mixing(self, target: Target, step: Step) -> AnyMixing:
        """:meth:`forward`, checked.

        Raises:
            ValueError: If the result has a wrong shape.
        """
        mixing = self(target, step)
        if not mixing.fits(target.labels):
            shapes = [tuple(p.shape) for p in mixing if isinstance(p, Tensor)]
            raise ValueError(
                f"{type(self).__name__} gave {type(mixing).__name__} of {shapes} for "
                f"labels {tuple(target.labels.shape)}; allowed: masks (N, H, W), "
                "partners and shares (N,)"
            )
        return mixing

    def mix(
        self,
        step: Step,
        name: str,
        own: Target,
        select: Select,
        other: Target | None = None,
    ) -> Target:
        """Mix a target; its images become a view of their own.

        Other labels of the same images are mixed in the same way: for a name that has
        been given in this step, nothing is drawn, and the view is that of before.

        Args:
            step: The step.
            name: Name of the new view.
            own: The target.
            select: The selection that has given its weights.
            other: The target that partners are taken from; None: the same.

        Raises:
            ValueError: If there are fewer partners than images.
        """
        if other is not None and len(other.labels) < len(own.labels):
            raise ValueError(
                f"{type(self).__name__} pastes an image of {other.view.name!r} into "
                f"each of {own.view.name!r}, but the batch has {len(other.labels)} of "
                f"the first and {len(own.labels)} of the second; set "
                "train_dataloader.batch_size to a multiple of the sum of sampler.ratio"
            )
        mixing = step.once((name, "mixing"), lambda: self.mixing(own, step))
        mine, theirs = own.parts, (other or own).parts
        if name in step:
            mine, theirs = mine.without_images(), theirs.without_images()
        parts = mixing.mixed(mine, theirs)
        weights = mixing.learnable(select.finish(parts.weights, parts.valid))
        if name not in step:
            images, ignored = parts.images, step.ignore_index
            view = View(name, images, ignore_index=ignored, valid=parts.valid)
            step.add_view(view)
        return Target(step[name], parts.labels, weights, parts.valid)


@MODELS.register_module()
class CutMix(Mix):
    """Pastes a rectangle of another image into each.

    By default, as in French et al., BMVC 2020: its area a, a share of the image, is
    uniform in a range; its sides are the shares a**u and a**(1 - u) of the image's,
    with u uniform in 0..1, so that it always fits; its position is uniform. With
    ``aspect``, as in the code of UniMatch (Yang et al., CVPR 2023): its height divided
    by its width is uniform in that range, and it is drawn again, the area excepted,
    until it fits.

    Args:
        area: Least and greatest area, as shares of the image.
        pairing: Partner of an image. 'next': the image before it, for the first image
            the last one; 'reversed': for the first image the last one, for the second
            the last but one; 'same': the image at the same place of another batch.
        aspect: Least and greatest height divided by width, in pixels; None: see above.
        probability: Share of the images that something is pasted into.
        boxes: Number of rectangles, which share the area; what two of them cover is not
            pasted, what three cover is (CPS). Without ``aspect``.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        area: tuple[float, float] = (0.25, 0.5),
        pairing: str = "next",
        aspect: tuple[float, float] | None = None,
        probability: float = 1.0,
        boxes: int = 1,
    ) -> None:
        super().__init__()
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(
                f"CutMix: area={area}; allowed: 0 < least <= greatest <= 1"
            )
        if pairing not in PAIRINGS:
            raise ValueError(f"CutMix: pairing={pairing!r}; allowed: {PAIRINGS}")
        if aspect is not None and not 0 < aspect[0] <= aspect[1]:
            raise ValueError(
                f"CutMix: aspect={aspect}; allowed: 0 < least <= greatest, or None"
            )
        if not 0 <= probability <= 1:
            raise ValueError(f"CutMix: probability={probability}; allowed: 0 to 1")
        if boxes < 1 or (boxes > 1 and aspect is not None):
            raise ValueError(
                f"CutMix: boxes={boxes}; allowed: 1 or more, and 1 with an aspect"
            )
        least, greatest = area
        self.area = (least, greatest)
        self.pairing = pairing
        self.aspect = aspect
        self.probability = probability
        self.boxes = boxes

    def forward(self, target: Target, step: Step) -> Mixing:
        """Draw a rectangle in each image."""
        size, count = target.view.size, len(target.view)
        device = target.view.images.device
        if self.aspect is None:
            drawn = random_boxes(
                count * self.boxes, size, self.area, device, self.boxes**-0.5
            )
            mask = drawn.view(count, self.boxes, *size).sum(dim=1) % 2 == 1
        else:
            mask = fitting_boxes(count, size, self.area, self.aspect, device)
        if self.probability < 1:
            chance = torch.rand(count, 1, 1, device=device)
            mask = mask & (chance < self.probability)
        return Mixing(mask, partners(count, self.pairing, device))


def partners(count: int, pairing: str, device: torch.device | str) -> Tensor:
    """Index of the other image for each of several images, (count,), int64.

    Args:
        count: Number of images.
        pairing: One of ``PAIRINGS``, see :class:`CutMix`.
        device: Where to put them.
    """
    indices = torch.arange(count, device=device)
    if pairing == "next":
        return indices.roll(1)
    return indices.flip(0) if pairing == "reversed" else indices


def random_boxes(
    count: int,
    size: tuple[int, int],
    area: tuple[float, float],
    device: torch.device | str,
    shrink: float = 1.0,
) -> Tensor:
    """Draw a random rectangle in each image, (count, H, W), bool, on the device.

    Args:
        count: Number of images.
        size: Size of the images, (H, W), in pixels.
        area: Least and greatest area, as shares of the image.
        device: Where to draw.
        shrink: Factor of the sides.
    """
    height, width = size
    low, high = area
    share = low + (high - low) * torch.rand(count, 1, device=device)
    # log-uniform aspect: the side length is share ** u of the image's.
    stretch = torch.rand(count, 1, device=device)
    box_h = shrink * share**stretch * height
    box_w = shrink * share ** (1 - stretch) * width
    top = torch.rand(count, 1, device=device) * (height - box_h)
    left = torch.rand(count, 1, device=device) * (width - box_w)
    rows = torch.arange(height, device=device) + 0.5
    columns = torch.arange(width, device=device) + 0.5
    in_rows = (rows >= top) & (rows < top + box_h)
    in_columns = (columns >= left) & (columns < left + box_w)
    return in_rows.unsqueeze(2) & in_columns.unsqueeze(1)


def fitting_boxes(
    count: int,
    size: tuple[int, int],
    area: tuple[float, float],
    aspect: tuple[float, float],
    device: torch.device | str,
) -> Tensor:
    """Draw a rectangle of whole pixels in each image, (count, H, W), bool.

    Its area is uniform, then its aspect is uniform and its corner uniform in the image;
    the latter two are drawn until the rectangle fits. All draws are made at once, so
    that the host does not wait for the device; the largest of the rare rectangles that
    never fit are clipped.

    Args:
        count: Number of images.
        size: Size of the images, (H, W), in pixels.
        area: Least and greatest area, as shares of the image.
        aspect: Least and greatest height divided by width.
        device: Where to draw.
    """
    height, width = size
    low, high = area
    pixels = (low + (high - low) * torch.rand(count, 1, device=device)) * height * width
    shape = (count, CANDIDATES)
    ratio = aspect[0] + (aspect[1] - aspect[0]) * torch.rand(shape, device=device)
    box_h, box_w = (pixels * ratio).sqrt().floor(), (pixels / ratio).sqrt().floor()
    top = (torch.rand(shape, device=device) * height).floor()
    left = (torch.rand(shape, device=device) * width).floor()
    fits = (top + box_h <= height) & (left + box_w <= width)
    first = fits.int().argmax(dim=1, keepdim=True)
    box_h, box_w, top, left = (v.gather(1, first) for v in (box_h, box_w, top, left))
    rows = torch.arange(height, device=device)
    columns = torch.arange(width, device=device)
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
