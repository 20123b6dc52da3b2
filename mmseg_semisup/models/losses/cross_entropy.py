"""Cross-entropy, averaged over the pixels that are not ignored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor


def masked_cross_entropy(
    logits: Tensor,
    target: Tensor,
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
    pixel_weight: Tensor | None = None,
) -> Tensor:
    """Softmax cross-entropy, averaged over the pixels that are not ignored.

    Without weights, it is ``-1/|V| sum_{p in V} log softmax(logits)[target_p]`` with
    ``V`` the pixels whose target is not ``ignore_index``; without such a pixel, the
    loss is a finite zero with zero gradients. The host never waits for the device.

    Args:
        logits: (N, C, H, W), float.
        target: (N, H, W), int64, in 0..C-1 or ``ignore_index``.
        ignore_index: Label of ignored pixels.
        class_weight: (C,), float. The average is then weighted by the class of each
            pixel, as in :func:`torch.nn.functional.cross_entropy`.
        pixel_weight: (N, H, W), float. Multiplies the loss of each pixel; the
            denominator stays the number of pixels that are not ignored.

    Returns:
        Scalar tensor, float.

    Example:
        >>> logits = torch.zeros(1, 3, 1, 2)
        >>> masked_cross_entropy(logits, torch.tensor([[[0, 255]]]))  # log 3
        tensor(1.0986)
        >>> masked_cross_entropy(logits, torch.tensor([[[255, 255]]]))
        tensor(0.)
    """
    valid = target != ignore_index
    loss = F.cross_entropy(
        logits,
        target,
        weight=class_weight,
        ignore_index=ignore_index,
        reduction="sum" if pixel_weight is None else "none",
    )
    if pixel_weight is not None:
        loss = (loss * pixel_weight).sum()
    if class_weight is None:
        return loss / valid.sum().clamp(min=1)
    total = (class_weight[target.masked_fill(~valid, 0)] * valid).sum()
    return loss / total.clamp(min=torch.finfo(total.dtype).tiny)


def joint_cross_entropy(
    logits: Sequence[Tensor], targets: Sequence[Tensor], ignore_index: int = 255
) -> Tensor:
    """:func:`masked_cross_entropy` of several batches, as if they were one.

    Args:
        logits: Each (N_i, C, H_i, W_i), float; the sizes may differ.
        targets: Each (N_i, H_i, W_i), int64, in 0..C-1 or ``ignore_index``.
        ignore_index: Label of ignored pixels.

    Returns:
        Scalar tensor, float: the mean over all pixels that are not ignored.

    Example:
        >>> one, three = torch.zeros(1, 2, 1, 1), torch.zeros(1, 2, 1, 3)
        >>> three[:, 0] = 100  # certain, and right
        >>> targets = [torch.zeros(1, 1, 1).long(), torch.zeros(1, 1, 3).long()]
        >>> joint_cross_entropy([one, three], targets)  # log 2 / 4
        tensor(0.1733)
    """
    pairs = list(zip(logits, targets, strict=True))
    sums = (
        F.cross_entropy(x, y, ignore_index=ignore_index, reduction="sum")
        for x, y in pairs
    )
    total = reduce(torch.add, sums)
    count = reduce(torch.add, ((y != ignore_index).sum() for _, y in pairs))
    return total / count.clamp(min=1)


def selected_cross_entropy(
    logits: Sequence[Tensor],
    labels: Sequence[Tensor],
    weights: Sequence[Tensor],
    valid: Sequence[Tensor],
    ignore_index: int = 255,
    scale: float = 1.0,
) -> Tensor:
    """Weighted cross-entropy of several batches, averaged over all valid pixels.

    ``1/|V| sum_{p in V} w_p (-log softmax(logits)[labels_p])`` with ``V`` the valid
    pixels of all batches: the denominator includes those that are not selected (French
    et al., BMVC 2020; Sohn et al., NeurIPS 2020, Eq. 4).

    Args:
        logits: Each (N_i, C, H_i, W_i), float; the sizes may differ.
        labels: Each (N_i, H_i, W_i), int64, in 0..C-1 where the weight is not 0.
        weights: Each (N_i, H_i, W_i), bool, or float from 0 on; 0 outside of ``valid``.
        valid: Each (N_i, H_i, W_i), bool.
        ignore_index: A label that is no class.
        scale: Factor of the loss.

    Returns:
        Scalar tensor, float; a finite zero if no pixel is valid.

    Example:
        >>> logits, labels = torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])
        >>> valid = torch.ones(1, 1, 2, dtype=torch.bool)
        >>> selected = torch.tensor([[[True, False]]])
        >>> selected_cross_entropy([logits], [labels], [selected], [valid])  # log 2 / 2
        tensor(0.3466)
    """
    selected = [weight > 0 for weight in weights]
    targets = [
        y.masked_fill(~chosen, ignore_index)
        for y, chosen in zip(labels, selected, strict=True)
    ]
    pixels = reduce(torch.add, (v.sum() for v in valid)).clamp(min=1)
    if all(weight.dtype == torch.bool for weight in weights):
        counted = reduce(torch.add, ((y != ignore_index).sum() for y in targets))
        loss = joint_cross_entropy(logits, targets, ignore_index)
        return scale * (counted / pixels) * loss
    sums = (
        (F.cross_entropy(x, y, ignore_index=ignore_index, reduction="none") * w).sum()
        for x, y, w in zip(logits, targets, weights, strict=True)
    )
    return scale * reduce(torch.add, sums) / pixels


def reliable_cross_entropy(
    logits: Sequence[Tensor],
    labels: Sequence[Tensor],
    weights: Sequence[Tensor],
    valid: Sequence[Tensor],
    ignore_index: int = 255,
    scale: float = 1.0,
) -> Tensor:
    """Mean cross-entropy of the selected pixels, divided by their share of the valid.

    ``|V| / |R| * 1/|R| sum_{p in R} w_p (-log softmax(logits)[labels_p])`` with ``V``
    the valid pixels of all batches and ``|R|`` the sum of their weights: fewer reliable
    pixels weigh more (Wang et al., U2PL, CVPR 2022, Eq. 3 with the weight lambda_u of
    section 3.3).

    Args:
        logits: As in :func:`selected_cross_entropy`.
        labels: The same.
        weights: The same.
        valid: The same.
        ignore_index: A label that is no class.
        scale: Factor of the loss.

    Returns:
        Scalar tensor, float; a finite zero if no pixel is selected.

    Example:
        >>> logits, labels = torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])
        >>> valid = torch.ones(1, 1, 2, dtype=torch.bool)
        >>> selected = torch.tensor([[[True, False]]])
        >>> reliable_cross_entropy([logits], [labels], [selected], [valid])  # 2 log 2
        tensor(1.3863)
    """
    pixels = reduce(torch.add, (v.sum() for v in valid))
    kept = reduce(torch.add, (w.sum() for w in weights))
    loss = selected_cross_entropy(logits, labels, weights, valid, ignore_index, scale)
    share = kept / pixels.clamp(min=1)
    return loss / share.masked_fill(share == 0, 1).square()


@MODELS.register_module()
class PixelCrossEntropy(nn.Module):
    """:func:`masked_cross_entropy` as the ``loss_decode`` of an mmseg head.

    mmseg's own ``CrossEntropyLoss`` divides by all pixels unless ``avg_non_ignore``
    is set, and then reads the count back to the host in every step.

    Args:
        loss_weight: Factor of the loss.
        class_weight: A weight for each class, or None.
        loss_name: Key of the loss in the log; must begin with ``loss_``.

    Example:
        >>> loss = PixelCrossEntropy(loss_weight=0.5)
        >>> loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[1, 255]]]))  # log 2 / 2
        tensor(0.3466)
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        class_weight: Sequence[float] | None = None,
        loss_name: str = "loss_ce",
    ) -> None:
        super().__init__()
        self.class_weight: Tensor | None
        self.loss_weight = loss_weight
        weight = None if class_weight is None else torch.tensor(class_weight)
        self.register_buffer("class_weight", weight, persistent=False)
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Loss of logits (N, C, H, W) for target (N, H, W); scalar."""
        loss = masked_cross_entropy(
            logits, target, ignore_index, self.class_weight, pixel_weight=weight
        )
        return self.loss_weight * loss
