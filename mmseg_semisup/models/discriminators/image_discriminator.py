"""The discriminator of s4GAN (Mittal et al., 2019), with one score for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

DROPOUTS = {"element": nn.Dropout, "channel": nn.Dropout2d}


@MODELS.register_module()
class ImageDiscriminator(BaseModule):
    """Tells images with predicted class maps from images with ground truth (4.1.2).

    4x4 convolutions with stride 2, each followed by a leaky ReLU and dropout, the mean
    over the image, and a linear layer. Feature matching compares the mean. Images may
    have any size.

    Args:
        num_classes: Number of class maps (C).
        image_channels: Channels of the image (B), which precede the class maps.
        channels: Output channels of the convolutions.
        dropout: Probability of dropout; 0 for none.
        dropout_after: Indices of the convolutions that dropout follows; None: all, as
            in the paper. The authors' code leaves out the last one: (0, 1, 2).
        dropout_kind: Unit that is dropped: 'element', or whole maps, 'channel', as in
            the authors' code.
        negative_slope: Negative slope of the leaky ReLU.
        init_cfg: Initialisation; None keeps PyTorch's, as in the authors' code.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        num_classes: int,
        image_channels: int = 3,
        channels: Sequence[int] = (64, 128, 256, 512),
        dropout: float = 0.5,
        dropout_after: Sequence[int] | None = None,
        dropout_kind: str = "element",
        negative_slope: float = 0.2,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if dropout_kind not in DROPOUTS:
            raise ValueError(
                f"ImageDiscriminator: dropout_kind={dropout_kind!r}; allowed: "
                f"{list(DROPOUTS)}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(
                f"ImageDiscriminator: dropout={dropout}; allowed: 0 up to, not with, 1"
            )
        every = range(len(channels))
        dropped = set(every) if dropout_after is None else set(dropout_after)
        if not dropped <= set(every):
            raise ValueError(
                f"ImageDiscriminator: dropout_after={tuple(sorted(dropped))}; allowed: "
                f"0 to {len(channels) - 1}, the convolutions in channels"
            )
        self.num_classes = num_classes
        self.in_channels = image_channels + num_classes
        layers: list[nn.Module] = []
        width = self.in_channels
        for i, out_width in enumerate(channels):
            layers.append(nn.Conv2d(width, out_width, 4, stride=2, padding=1))
            layers.append(nn.LeakyReLU(negative_slope, inplace=True))
            if dropout and i in dropped:
                layers.append(DROPOUTS[dropout_kind](dropout))
            width = out_width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, 1)
        self.min_size = 2 ** len(channels)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Score images with their class maps.

        Args:
            maps: (N, B + C, H, W), float: images in 0..1, and class probabilities or
                one-hot labels.

        Returns:
            Scores (N,) before the sigmoid, high for ground truth; pooled features
            (N, D), float, with D the last of ``channels``.

        Raises:
            ValueError: If the maps are too small or have other channels.
        """
        size = tuple(maps.shape[-2:])
        if maps.shape[1] != self.in_channels:
            raise ValueError(
                f"ImageDiscriminator: {maps.shape[1]} channels; expected "
                f"{self.in_channels}: image and {self.num_classes} class maps"
            )
        if min(size) < self.min_size:
            raise ValueError(
                f"ImageDiscriminator: maps of {size} pixels; its strides need at least "
                f"{self.min_size} on each side"
            )
        pooled = self.features(maps).mean(dim=(2, 3))
        return self.classifier(pooled).squeeze(1), pooled


def scale_images(images: Tensor, span_of: Tensor | None = None) -> Tensor:
    """Stretch a batch of images so that its lowest value is 0 and its highest 1.

    Args:
        images: (N, B, H, W), float.
        span_of: The batch whose range of values is the divisor; None: ``images``. For
            ground truth, the authors' code takes another batch.

    Returns:
        (N, B, H, W), float; zeros if all values are the same.
    """
    span_of = images if span_of is None else span_of
    low, high = torch.aminmax(span_of)
    span = (high - low).clamp(min=torch.finfo(images.dtype).tiny)
    return (images - images.amin()) / span
