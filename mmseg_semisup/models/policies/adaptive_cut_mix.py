"""Confidence-adaptive CutMix: unsure images get parts of labelled ones (AugSeg)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..step.step import Step
from .mix import Mix
from .mixing import Mixing, Parts, Target, pixels_of

LABELED = "labeled"


class Grafting(NamedTuple):
    """What is pasted from labelled images, and then from each other.

    Attributes:
        labeled: Labelled images with their ground truth, at least N.
        first: (N, H, W), bool; pixels that are pasted from labelled images.
        second: (N, H, W), bool; pixels that are pasted from partners after that.
        partner: (N,), int64, index of the labelled image and of the partner.
    """

    labeled: Parts
    first: Tensor
    second: Tensor
    partner: Tensor

    def mixed(self, own: Parts, other: Parts) -> Parts:
        """Paste labelled pixels into the partners, and theirs into the images."""
        labeled = self.labeled._replace(
            images=self.labeled.images[:, : other.images.shape[1]],
            weights=self.labeled.weights.to(other.weights.dtype),
        )
        grafted = Mixing(self.first, self.partner).mixed(other, labeled)
        return Mixing(self.second, self.partner).mixed(own, grafted)

    def learnable(self, weights: Tensor) -> Tensor:
        """The weights of the mixed pixels, (N, H, W), all of which can be learnt."""
        return weights

    def fits(self, labels: Tensor) -> bool:
        """Whether there is a choice for each pixel, and labels of classes."""
        pixels = pixels_of(labels)
        return labels.ndim == 3 and self.first.shape == self.second.shape == pixels


@MODELS.register_module()
class AdaptiveCutMix(Mix):
    """CutMix after which unsure images have more parts of labelled ones.

    Zhao et al., AugSeg, CVPR 2023, https://arxiv.org/abs/2212.04976, section 3.3: the
    confidence rho of an image is the mean of ``max p (1 - H(p) / ln C)`` over its valid
    pixels. With probability 1 - rho, a rectangle of a labelled image and of its ground
    truth is pasted into it. Then a rectangle of each image's partner, which may have
    labelled parts now, is pasted into the image as it was.

    As in the authors' code, the area of a rectangle is one draw for all images, its
    centre is uniform, and it is clipped.

    Args:
        labeled_area: Parameters of the beta distribution of the area that is not pasted
            from labelled images.
        area: The same for the area that is not pasted from partners.

    Raises:
        ValueError: If a parameter is not positive.
    """

    reads: ClassVar[Sequence[str]] = (LABELED,)

    def __init__(
        self,
        labeled_area: tuple[float, float] = (8.0, 2.0),
        area: tuple[float, float] = (4.0, 4.0),
    ) -> None:
        super().__init__()
        for name, pair in (("labeled_area", labeled_area), ("area", area)):
            if len(pair) != 2 or min(pair) <= 0:
                raise ValueError(
                    f"AdaptiveCutMix: {name}={pair}; allowed: two positive numbers"
                )
        self.labeled_area = tuple(labeled_area)
        self.area = tuple(area)

    def forward(self, target: Target, step: Step) -> Grafting:
        """Draw rectangles, and which images get one of a labelled image."""
        view, known = target.view, step[LABELED]
        count, device = len(view), view.images.device
        if len(known) < count or known.size != view.size:
            raise ValueError(
                f"AdaptiveCutMix pastes a labelled image into each of {count} of "
                f"{view.size}, but the batch has {len(known)} of {known.size}; set "
                f"sampler.ratio.{view.name.split('_')[0]} so that there are no more "
                "than labelled ones, and crops of one size"
            )
        confidence = self.confidence(target)
        partner = torch.randperm(count, device=device)
        first = clipped_boxes(count, view.size, self.labeled_area, device)
        second = clipped_boxes(count, view.size, self.area, device)
        unsure = torch.rand(count, device=device) > confidence
        labels, valid = known.labels, known.valid
        return Grafting(
            Parts(known.images, labels, valid, valid),
            first & unsure.view(-1, 1, 1),
            second,
            partner,
        )

    def confidence(self, target: Target) -> Tensor:
        """Rho of each image, (N,), float, in 0..1."""
        if target.judgement is None:
            raise ValueError("AdaptiveCutMix needs an objective that judges images")
        sure = target.judgement.measure(certainty) * target.valid
        return sure.sum(dim=(1, 2)) / target.valid.sum(dim=(1, 2)).clamp(min=1)


def certainty(probs: Tensor) -> Tensor:
    """``max p (1 - H(p) / ln C)`` of each pixel, (N, H, W), float, in 0..1.

    Args:
        probs: (N, C, H, W), in 0..1.

    Example:
        >>> probs = torch.tensor([[1.0, 0.0], [0.5, 0.5]]).view(2, 2, 1, 1)
        >>> certainty(probs).flatten()
        tensor([1., 0.])
    """
    entropy = -torch.special.xlogy(probs, probs).sum(dim=1)
    return probs.amax(dim=1) * (1 - entropy / math.log(max(probs.shape[1], 2)))


def clipped_boxes(
    count: int,
    size: tuple[int, int],
    area: Sequence[float],
    device: torch.device | str,
) -> Tensor:
    """Draw a rectangle in each image, clipped at its border, (count, H, W), bool.

    Args:
        count: Number of images.
        size: Height and width, in pixels.
        area: Parameters of the beta distribution of the share that it leaves.
        device: Where to draw.
    """
    # A tensor made of Python numbers would be a copy that the host waits for.
    first, second = (torch.full((), float(value), device=device) for value in area)
    kept = torch.distributions.Beta(first, second, validate_args=False).sample()
    share = (1 - kept).sqrt()
    half = torch.stack([(side * share).floor() // 2 for side in size])
    # An eighth of the image at its upper and left border is no centre.
    drawn = torch.rand(count, 2, device=device).unbind(dim=1)
    centre = torch.stack(
        [
            (side // 8 + (side - side // 8) * part).floor()
            for side, part in zip(size, drawn, strict=True)
        ],
        dim=1,
    )
    low, high = (centre - half).unsqueeze(2), (centre + half).unsqueeze(2)
    rows = torch.arange(size[0], device=device)
    columns = torch.arange(size[1], device=device)
    in_rows = (rows >= low[:, 0]) & (rows < high[:, 0])
    in_columns = (columns >= low[:, 1]) & (columns < high[:, 1])
    return in_rows.unsqueeze(2) & in_columns.unsqueeze(1)
