"""What is mixed, and how: images with their targets, weights and valid pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ..step.view import View
from .labels import Judgement


class Parts(NamedTuple):
    """The tensors of a target, which are mixed alike.

    Attributes:
        images: (N, 3, H, W), float, preprocessed.
        labels: (N, H, W), int64, or (N, C, H, W), float, probabilities.
        weights: (N, H, W), bool, or float from 0 on.
        valid: (N, H, W), bool.
    """

    images: Tensor
    labels: Tensor
    weights: Tensor
    valid: Tensor

    def without_images(self) -> Parts:
        """The same, with images of no channels, which cost nothing to mix."""
        return self._replace(images=self.images[:, :0])


class Target(NamedTuple):
    """The images, labels and weights that a network learns from.

    Attributes:
        view: The images.
        labels: (N, H, W), int64; or, for a loss of probabilities, (N, C, H, W), float.
        weights: (N, H, W), bool, or float from 0 on: weight of each pixel.
        valid: (N, H, W), bool: the pixels over which the loss is averaged.
        judgement: What the labels come from; None: the images are mixed.
    """

    view: View
    labels: Tensor
    weights: Tensor
    valid: Tensor
    judgement: Judgement | None = None

    @property
    def parts(self) -> Parts:
        """The tensors."""
        return Parts(self.view.images, self.labels, self.weights, self.valid)

    @property
    def confidence(self) -> Tensor:
        """Highest class probability of each pixel, (N, H, W), float, in 0..1.

        Raises:
            ValueError: If the images are mixed.
        """
        if self.judgement is None:
            raise ValueError("mixed images have no judgement")
        return self.judgement.confidence

    @property
    def classes(self) -> Tensor:
        """Class of each valid pixel, (N, H, W), int64; the ignored label elsewhere."""
        hard = self.labels if self.labels.ndim == 3 else self.labels.max(dim=1).indices
        return hard.masked_fill(~self.valid, self.view.ignore_index)


class Mixing(NamedTuple):
    """The partner of each image, and the pixels that are pasted from it.

    Attributes:
        mask: (N, H, W), bool; pixels that are pasted from the partner.
        partner: (N,), int64, index of the other image in the batch.
    """

    mask: Tensor
    partner: Tensor

    def apply(self, maps: Tensor, others: Tensor | None = None) -> Tensor:
        """Mix maps in the same way as the images.

        Args:
            maps: (N, ..., H, W), of any type.
            others: The maps that partners are taken from; None: the same maps.
        """
        source = maps if others is None else others
        return torch.where(spread(self.mask, maps), source[self.partner], maps)

    def mixed(self, own: Parts, other: Parts) -> Parts:
        """Mix all parts alike."""
        return Parts(*map(self.apply, own, other))

    def learnable(self, weights: Tensor) -> Tensor:
        """The weights of the mixed pixels, (N, H, W), all of which can be learnt."""
        return weights

    def fits(self, labels: Tensor) -> bool:
        """Whether there is a partner for each image, and a choice for each pixel."""
        return self.mask.shape == pixels_of(labels) and self.partner.shape == (
            len(labels),
        )


class Erasing(NamedTuple):
    """The pixels that are erased; nothing is learnt there.

    Attributes:
        mask: (N, H, W), bool.
    """

    mask: Tensor

    def mixed(self, own: Parts, other: Parts) -> Parts:
        """Set the erased pixels to 0, the mean colour."""
        images = own.images.masked_fill(spread(self.mask, own.images), 0)
        return own._replace(images=images)

    def learnable(self, weights: Tensor) -> Tensor:
        """The weights, (N, H, W), 0 where pixels are erased."""
        return weights.masked_fill(self.mask, 0)

    def fits(self, labels: Tensor) -> bool:
        """Whether there is a choice for each pixel."""
        return self.mask.shape == pixels_of(labels)


class Blending(NamedTuple):
    """The share of another image in each.

    Attributes:
        share: (N,), float, in 0..1: share of the partner.
        partner: (N,), int64, index of the other image in the batch.
    """

    share: Tensor
    partner: Tensor

    def apply(self, maps: Tensor, others: Tensor) -> Tensor:
        """Blend maps, ``(1 - share) own + share partner``; masks are intersected.

        Args:
            maps: (N, ..., H, W), bool or float.
            others: The maps that partners are taken from.

        Raises:
            ValueError: If they are labels, which have no means.
        """
        if maps.dtype == torch.bool:
            return maps & others[self.partner]
        if not maps.is_floating_point():
            raise ValueError(
                "images are blended, and labels have no mean; set "
                "loss=dict(type='SquaredDifference'), which learns probabilities"
            )
        share = self.share.view(-1, *[1] * (maps.ndim - 1)).to(maps.dtype)
        return torch.lerp(maps, others[self.partner], share)

    def mixed(self, own: Parts, other: Parts) -> Parts:
        """Blend all parts alike; a pixel is valid if it is so in both images."""
        return Parts(*map(self.apply, own, other))

    def learnable(self, weights: Tensor) -> Tensor:
        """The weights of the blended pixels, (N, H, W), all of which can be learnt."""
        return weights

    def fits(self, labels: Tensor) -> bool:
        """Whether there is a share and a partner for each image."""
        return self.share.shape == self.partner.shape == (len(labels),)


class AnyMixing(Protocol):
    """How images are mixed."""

    def mixed(self, own: Parts, other: Parts) -> Parts:
        """Mix all parts alike."""

    def learnable(self, weights: Tensor) -> Tensor:
        """The weights of the mixed pixels, (N, H, W); 0 where there is no image."""

    def fits(self, labels: Tensor) -> bool:
        """Whether the sizes are those of the labels."""

    def __iter__(self) -> Iterator[Any]:
        """The tensors that were drawn."""


def spread(mask: Tensor, maps: Tensor) -> Tensor:
    """A mask (N, H, W) with the axes of maps (N, ..., H, W), to be broadcast."""
    return mask.view(-1, *[1] * (maps.ndim - 3), *mask.shape[1:])


def pixels_of(labels: Tensor) -> torch.Size:
    """Number, height and width of labels (N, H, W), or probabilities (N, C, H, W)."""
    return torch.Size((len(labels), *labels.shape[-2:]))
