"""Squared difference of probabilities, averaged over the pixels that count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor


def selected_squared_difference(
    logits: Sequence[Tensor],
    probs: Sequence[Tensor],
    weights: Sequence[Tensor],
    valid: Sequence[Tensor],
    scale: float = 1.0,
) -> Tensor:
    """Weighted squared difference of several batches, averaged over all valid pixels.

    ``1/|V| sum_{p in V} w_p sum_c (softmax(logits)_pc - probs_pc)^2`` with ``V`` the
    valid pixels of all batches (French et al., BMVC 2020, Eq. 2): a sum over classes,
    so that the gradient does not shrink with their number.

    Args:
        logits: Each (N_i, C, H_i, W_i), float; the sizes may differ.
        probs: Each (N_i, C, H_i, W_i), float, in 0..1; without gradient.
        weights: Each (N_i, H_i, W_i), bool, or float from 0 on; 0 outside of ``valid``.
        valid: Each (N_i, H_i, W_i), bool.
        scale: Factor of the loss.

    Returns:
        Scalar tensor, float; a finite zero if no pixel is valid.

    Example:
        >>> logits, probs = torch.zeros(1, 2, 1, 1), torch.tensor([[[[1.0]], [[0.0]]]])
        >>> one = torch.ones(1, 1, 1, dtype=torch.bool)
        >>> selected_squared_difference([logits], [probs], [one], [one])
        tensor(0.5000)
    """
    pixels = reduce(torch.add, (v.sum() for v in valid)).clamp(min=1)
    sums = (
        ((x.softmax(dim=1) - p).square().sum(dim=1) * w).sum()
        for x, p, w in zip(logits, probs, weights, strict=True)
    )
    return scale * reduce(torch.add, sums) / pixels
