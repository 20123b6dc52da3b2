"""Spatial cross-entropy of a discriminator (Hung et al., BMVC 2018, Eqs. 1 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor


def spatial_bce(logits: Tensor, is_real: bool, valid: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of a discriminator's map towards one constant target.

    ``-log D`` for ``is_real`` (Eq. 4, and the second term of Eq. 1), ``-log(1 - D)``
    otherwise (the first term of Eq. 1), with ``D = sigmoid(logits)``. The paper sums
    over pixels; this is the mean over the valid ones, as in the authors' code, to which
    the published learning rates belong. Without a valid pixel, the loss is a finite
    zero.

    Args:
        logits: (N, 1, H, W), float, before the sigmoid.
        is_real: The target: ground truth (1) or prediction (0).
        valid: (N, H, W), bool; the pixels that count. None: all.

    Returns:
        Scalar tensor, float.

    Example:
        >>> undecided = torch.zeros(1, 1, 2, 2)
        >>> spatial_bce(undecided, is_real=True)
        tensor(0.6931)
        >>> spatial_bce(undecided, True, valid=torch.zeros(1, 2, 2, dtype=torch.bool))
        tensor(0.)
    """
    loss = F.softplus(-logits if is_real else logits).squeeze(1)
    if valid is None:
        return loss.mean()
    return (loss * valid).sum() / valid.sum().clamp(min=1)


def joint_spatial_bce(
    logits: Sequence[Tensor], is_real: bool, valid: Sequence[Tensor]
) -> Tensor:
    """:func:`spatial_bce` of several batches, as if they were one.

    Args:
        logits: Each (N_i, 1, H_i, W_i), float, before the sigmoid; the sizes may
            differ.
        is_real: The target.
        valid: Each (N_i, H_i, W_i), bool; the pixels that count.

    Returns:
        Scalar tensor, float: the mean over the valid pixels of all batches; a finite
        zero if there is none.

    Example:
        >>> one, three = torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 3), -100.0)
        >>> valid = [torch.ones(1, 1, w, dtype=torch.bool) for w in (1, 3)]
        >>> joint_spatial_bce([one, three], False, valid)  # log 2 / 4
        tensor(0.1733)
    """
    counts = [each.sum() for each in valid]
    sums = (
        spatial_bce(score, is_real, counted) * count
        for score, counted, count in zip(logits, valid, counts, strict=True)
    )
    return reduce(torch.add, sums) / reduce(torch.add, counts).clamp(min=1)


def one_hot_labels(
    labels: Tensor, num_classes: int, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Convert label maps to class probability maps; pixels outside of 0..C-1 are zero.

    Args:
        labels: (N, H, W), int64.
        num_classes: C.
        dtype: Dtype of the result.

    Returns:
        (N, C, H, W), 0 or 1.

    Example:
        >>> one_hot_labels(torch.tensor([[[0, 1, 255]]]), num_classes=2).squeeze(2)
        tensor([[[1., 0., 0.],
                 [0., 1., 0.]]])
    """
    classes = torch.arange(num_classes, device=labels.device).view(1, -1, 1, 1)
    return (labels.unsqueeze(1) == classes).to(dtype)
