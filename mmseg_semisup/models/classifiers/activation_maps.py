"""Class activation maps of a classifier, and pseudo-labels made of them.

Zhou et al.: Learning Deep Features for Discriminative Localization, CVPR 2016,
https://arxiv.org/abs/1512.04150. The two thresholds are those of Ouali, Hudelot, Tami:
Semi-Supervised Semantic Segmentation with Cross-Consistency Training, CVPR 2020,
https://arxiv.org/abs/2003.09005, section 3.4, which Lai et al., CVPR 2021, follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

IGNORED = 255


def activation_maps(features: Tensor, weight: Tensor) -> Tensor:
    """Class activation maps: the contribution of each position to a logit (Eq. 2).

    Their mean over the positions is the logit of a classifier with global average
    pooling, without its bias.

    Args:
        features: (N, D, h, w), float, the features that are pooled.
        weight: (C, D), float, weights of the linear layer.

    Returns:
        (N, C, h, w), float.
    """
    return F.conv2d(features, weight[:, :, None, None])


def merge_maps(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Merge the maps of an image at several scales into one, in 0..1.

    Negative activations are set to 0; the maps of each class are summed at full size
    and divided by the largest sum. A class without activation stays 0.

    Args:
        maps: Each (C, h_i, w_i), float; those of mirror images flipped back.
        size: Height and width of the image.

    Returns:
        (C, H, W), float32.
    """
    resized = (
        F.interpolate(
            each.float().clamp(min=0).unsqueeze(0),
            size=size,
            mode="bilinear",
            align_corners=False,
        )[0]
        for each in maps
    )
    total = reduce(torch.add, resized)
    highest = total.amax(dim=(1, 2), keepdim=True)
    return total / highest.clamp(min=torch.finfo(total.dtype).tiny)


def seed_labels(
    maps: Tensor, foreground: float, background: float, background_class: int | None
) -> tuple[Tensor, Tensor]:
    """Pseudo-labels where activation is high or low; the rest is ignored.

    A pixel whose highest activation exceeds ``foreground`` gets that class, the first
    of equal ones; one whose highest activation is below ``background`` is background.

    Args:
        maps: (C, H, W), float, in 0..1; 0 for the background and for classes that the
            image does not show.
        foreground: theta_fg, in 0..1.
        background: theta_bg, at most theta_fg.
        background_class: Number of the background. None: pixels of low activation are
            ignored.

    Returns:
        Labels (H, W), uint8, with 255 for ignored pixels; and their confidence, (H, W),
        float32: the activation of the label, or 1 minus the highest activation for the
        background, or 0 where ignored.
    """
    score, label = maps.max(dim=0)
    shown = score > foreground
    confidence = torch.where(shown, score, torch.zeros_like(score))
    labels = torch.where(shown, label, torch.full_like(label, IGNORED))
    if background_class is not None:
        low = ~shown & (score < background)
        labels = labels.masked_fill(low, background_class)
        confidence = torch.where(low, 1 - score, confidence)
    return labels.to(torch.uint8), confidence
