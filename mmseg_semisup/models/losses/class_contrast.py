"""The contrastive loss whose anchors have negatives of their own (U2PL)."""

from __future__ import annotations

import torch
from torch import Tensor


def class_contrast(
    anchors: Tensor, positives: Tensor, negatives: Tensor, temperature: float = 0.5
) -> Tensor:
    """``-log(e^(a.p / tau) / (e^(a.p / tau) + sum_n e^(a.n / tau)))`` of each anchor.

    Wang et al., U2PL, CVPR 2022, https://arxiv.org/abs/2203.03884, Eq. 4, without the
    mean. Autocast does not apply: it is at least float32.

    Args:
        anchors: (C, M, D), float, of length 1; the only argument that gradients go to.
        positives: (C, D), float, of length 1: one for each class.
        negatives: (C, M, N, D), float, of length 1: N for each anchor.
        temperature: tau.

    Returns:
        (C, M), float32, or float64 for float64 anchors.

    Example:
        >>> anchors = torch.tensor([[[1.0, 0.0]]])
        >>> positives = torch.tensor([[0.6, 0.8]])
        >>> negatives = torch.tensor([[[[0.0, 1.0]]]])
        >>> class_contrast(anchors, positives, negatives, 1)  # log(1 + exp(0 - 0.6))
        tensor([[0.4375]])
    """
    dtype = torch.promote_types(anchors.dtype, torch.float32)
    with torch.autocast(anchors.device.type, enabled=False):
        scaled = anchors.to(dtype) / temperature
        own = scaled @ positives.detach().to(dtype).unsqueeze(2)
        others = negatives.detach().to(dtype) @ scaled.unsqueeze(3)
        logits = torch.cat([own, others.squeeze(3)], dim=2)
        return logits.logsumexp(dim=2) - own.squeeze(2)
