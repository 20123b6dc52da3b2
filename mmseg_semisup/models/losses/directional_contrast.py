"""The directional contrastive loss between two views of the same pixels.

Lai et al.: Semi-supervised Semantic Segmentation with Directional Context-aware
Consistency, CVPR 2021, https://arxiv.org/abs/2106.14133, Eqs. 1 to 8. The authors'
code: https://github.com/JIA-Lab-research/Context-Aware-Consistency.

Only pulled anchors are computed, in tiles of anchors x negatives that are not stored.
As gradients go to the anchors only, they are summed in the forward pass together with
the loss, and the backward pass computes nothing again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

REDUCTIONS = ("overlap", "active")
DISTANCES = ("contrast", "l2")
TILE_ELEMENTS = {"cpu": 2**18, "cuda": 2**23}
TILE_ANCHORS = {"cpu": 512, "cuda": 8192}


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
            pulled, targets, labels[anchors], negatives, negative_labels, temperature
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


def anchor_contrast(
    anchors: Tensor,
    positives: Tensor,
    labels: Tensor,
    negatives: Tensor,
    negative_labels: Tensor,
    temperature: float = 0.1,
) -> Tensor:
    """``-log(r(a, p) / (r(a, p) + sum_n r(a, n)))``, ``r(a, b) = exp(a.b / tau)``.

    The sum runs over the negatives whose label is not the anchor's (Eqs. 1 and 5).
    Autocast does not apply: products are at least of float32.

    Args:
        anchors: (A, D), float; the only argument that gradients go to.
        positives: (A, D), float.
        labels: (A,), int64.
        negatives: (K, D), float.
        negative_labels: (K,), int64.
        temperature: tau.

    Returns:
        (A,), float32, or float64 for float64 anchors.

    Example:
        >>> anchors, positives = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
        >>> negatives = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        >>> labels, negative_labels = torch.tensor([0]), torch.tensor([1, 0])
        >>> anchor_contrast(  # log(1 + exp(0 - 0.6)): the second has the anchor's label
        ...     anchors, positives, labels, negatives, negative_labels, temperature=1
        ... )
        tensor([0.4375])
    """
    dtype = torch.promote_types(anchors.dtype, torch.float32)
    with torch.autocast(anchors.device.type, enabled=False):
        return _AnchorContrast.apply(  # type: ignore[no-untyped-call]  # torch gives `apply` no types
            anchors.to(dtype),
            positives.detach().to(dtype),
            labels,
            negatives.detach().to(dtype),
            negative_labels,
            temperature,
        )


class _AnchorContrast(torch.autograd.Function):
    """Stores (A, D) numbers for the backward pass, the size of the anchors."""

    @staticmethod
    def forward(
        ctx: Any,
        anchors: Tensor,
        positives: Tensor,
        labels: Tensor,
        negatives: Tensor,
        negative_labels: Tensor,
        temperature: float,
    ) -> Tensor:
        needs_gradient = ctx.needs_input_grad[0]
        device = anchors.device.type
        height = TILE_ANCHORS.get(device, TILE_ANCHORS["cuda"])
        elements = TILE_ELEMENTS.get(device, TILE_ELEMENTS["cuda"])
        losses = torch.empty_like(anchors[:, 0])
        gradient = torch.empty_like(anchors) if needs_gradient else None
        for start in range(0, len(anchors), height):
            rows = slice(start, start + height)
            _contrast_rows(
                anchors[rows] / temperature,
                positives[rows],
                labels[rows],
                negatives,
                negative_labels,
                max(elements // len(anchors[rows]), 1),
                losses[rows],
                None if gradient is None else gradient[rows],
            )
        if gradient is not None:
            ctx.save_for_backward(gradient.div_(temperature))
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return (gradient * upstream.unsqueeze(1), None, None, None, None, None)


def _contrast_rows(
    scaled: Tensor,
    positives: Tensor,
    labels: Tensor,
    negatives: Tensor,
    negative_labels: Tensor,
    width: int,
    losses: Tensor,
    gradient: Tensor | None,
) -> None:
    """Fill losses, and gradients towards ``scaled``, of some anchors.

    The softmax over positive and negatives is accumulated tile by tile, relative to the
    highest logit so far; the expectation of the vectors under it is the gradient.
    """
    logit = (scaled * positives).sum(dim=1)
    highest, total = logit, torch.ones_like(logit)
    expected = positives.clone() if gradient is not None else None
    labels = labels.unsqueeze(1)
    for start in range(0, len(negatives), width):
        columns = slice(start, start + width)
        tile = scaled @ negatives[columns].t()
        tile.masked_fill_(labels == negative_labels[columns], -torch.inf)
        higher = torch.maximum(highest, tile.amax(dim=1))
        tile.sub_(higher.unsqueeze(1)).exp_()
        shrink = (highest - higher).exp_()
        highest = higher
        total = total.mul_(shrink).add_(tile.sum(dim=1))
        if expected is not None:
            expected.mul_(shrink.unsqueeze(1)).addmm_(tile, negatives[columns])
    losses.copy_(total.log() + highest - logit)
    if gradient is not None and expected is not None:
        torch.sub(expected.div_(total.unsqueeze(1)), positives, out=gradient)
