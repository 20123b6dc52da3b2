"""The directional contrastive loss between two views of the same pixels.

Lai et al.: Semi-supervised Semantic Segmentation with Directional Context-aware
Consistency, CVPR 2021, https://arxiv.org/abs/2106.14133, Eqs. 1 to 8. The authors'
code: https://github.com/JIA-Lab-research/Context-Aware-Consistency.

Only pulled anchors are computed, those of both directions in the same products with the
negatives, see :mod:`.anchor_contrast`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .anchor_contrast import anchor_contrast

REDUCTIONS = ("overlap", "active")
DISTANCES = ("contrast", "l2")


def pull_masks(
    first: Tensor,
    second: Tensor,
    valid: Tensor,
    gamma: float | None = 0.75,
    directional: bool = True,
) -> Tensor:
    """Which pixels are pulled towards their counterpart (Eqs. 2 and 7).

    Args:
        first: (N, h, w), float, highest class probability of the first view.
        second: (N, h, w), that of the second view at the same pixels.
        valid: (N, h, w), bool, the pixels that both views show.
        gamma: Confidence that the counterpart must exceed; None: any.
        directional: Whether only the less confident of the two is pulled.

    Returns:
        (2, N, h, w), bool: whether the first is pulled towards the second, and the
        second towards the first.

    Example:
        >>> first = torch.tensor([[[0.6, 0.9, 0.5]]])
        >>> second = torch.tensor([[[0.8, 0.7, 0.6]]])
        >>> pull_masks(first, second, torch.ones(1, 1, 3, dtype=torch.bool), gamma=0.75)
        tensor([[[[ True, False, False]]],
        <BLANKLINE>
        <BLANKLINE>
                [[[False,  True, False]]]])
    """
    confidence = torch.stack([first, second])
    target = confidence.flip(0)
    masks = valid.expand_as(confidence)
    if directional:
        masks = masks & (confidence < target)
    if gamma is not None:
        masks = masks & (target > gamma)
    return masks


def pull_weights(
    masks: Tensor,
    valid: Tensor,
    reduction: str = "overlap",
    average: Callable[[Tensor], Tensor] = lambda count: count,
) -> Tensor:
    """The weight of each pulled pixel in the loss.

    Args:
        masks: (2, N, h, w), bool, from :func:`pull_masks`.
        valid: (N, h, w), bool, the pixels that both views show.
        reduction: 'overlap': the mean over an image's overlap, pulled or not, then over
            the images (Eqs. 1 and 8). 'active': the mean over the pulled pixels of the
            batch, for each direction, as in the authors' code.
        average: Function that averages a count over all processes.

    Returns:
        (2, N, h, w), float: zero where nothing is pulled.

    Example:
        >>> valid = torch.ones(1, 1, 4, dtype=torch.bool)
        >>> masks = torch.tensor([[[[True, True, False, False]]], [[[False] * 4]]])
        >>> pull_weights(masks, valid, "overlap")[0]
        tensor([[[0.2500, 0.2500, 0.0000, 0.0000]]])
        >>> pull_weights(masks, valid, "active")[0]
        tensor([[[0.5000, 0.5000, 0.0000, 0.0000]]])
    """
    if reduction == "overlap":
        size = valid.sum(dim=(1, 2), keepdim=True).clamp(min=1)
        return masks.float() / (size * len(valid))
    count = average(masks.sum(dim=(1, 2, 3), keepdim=True).float())
    # A mean over processes can be less than one.
    return torch.where(masks, 1.0 / count.clamp(min=1e-6), torch.zeros_like(count))


def directional_contrast(
    first: Tensor,
    second: Tensor,
    weights: Tensor,
    labels: Tensor,
    negatives: Tensor,
    negative_labels: Tensor,
    temperature: float = 0.1,
    distance: str = "contrast",
    directional: bool = True,
    precision: str = "float32",
) -> Tensor:
    """Weighted sum of the loss of all pulled pixels, in both directions (Eqs. 3, 6, 8).

    Gradients go to pulled features only; counterparts and negatives are constants. On a
    GPU the host does not wait for the number of pulled pixels: P anchors are computed,
    or 2 P without direction. On a CPU only the pulled ones are computed.

    Args:
        first: (P, D), float, L2-normalised features of the first view.
        second: (P, D), those of the second view at the same pixels.
        weights: (2, P), float, weight of each towards the other; not negative.
        labels: (2, P), int64: a negative whose label equals the anchor's is left out
            (pseudo-classes for Eq. 5, positions for Eq. 1).
        negatives: (K, D), float, L2-normalised; K may be 0.
        negative_labels: (K,), int64.
        temperature: tau; must be positive.
        distance: 'contrast', or 'l2': the squared distance to the counterpart, without
            negatives.
        directional: Whether at most one direction of a pixel has a weight.
        precision: Of the products with the negatives, see :func:`anchor_contrast`.

    Returns:
        Scalar tensor, float32, or float64 for such features; finite also when nothing
        is pulled or there are no negatives.

    Example:
        >>> first, second = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
        >>> weights = torch.tensor([[1.0], [0.0]])  # only the first is pulled
        >>> labels = torch.tensor([[0], [0]])
        >>> negatives, negative_labels = torch.tensor([[0.0, 1.0]]), torch.tensor([1])
        >>> directional_contrast(  # log(1 + exp(0 - 0.6))
        ...     first, second, weights, labels, negatives, negative_labels, 1.0
        ... )
        tensor(0.4375)
    """
    count = len(first)
    weights = weights.to(torch.promote_types(first.dtype, torch.float32))
    both = torch.cat([first, second])
    labels = labels.flatten()
    if directional:
        anchors = torch.arange(count, device=first.device)
        anchors = anchors + count * (weights[1] > 0)
        weights = weights.amax(dim=0)
    else:
        anchors = torch.arange(2 * count, device=first.device)
        weights = weights.flatten()
    order = _pulled_first(weights > 0)
    anchors, weights = anchors[order], weights[order]
    pulled = both[anchors]
    targets = both.detach()[(anchors + count) % (2 * count)]
    if distance == "l2":
        losses = (pulled - targets).square().sum(dim=1)
    else:
        losses = anchor_contrast(
            pulled,
            targets,
            labels[anchors],
            negatives,
            negative_labels,
            temperature,
            precision,
        )
    return (weights * losses).sum()


def _pulled_first(pulled: Tensor) -> Tensor:
    """Indices of True; on a GPU followed by the others, so that the size is known.

    Args:
        pulled: (S,), bool.
    """
    if pulled.device.type == "cpu":
        return pulled.nonzero().squeeze(1)
    return pulled.to(torch.uint8).argsort(descending=True, stable=True)
