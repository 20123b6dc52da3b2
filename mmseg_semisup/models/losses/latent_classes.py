"""Losses that tie latent classes to semantic ones.

Sawatzky, Zatsarynna, Gall: Discovering Latent Classes for Semi-Supervised Semantic
Segmentation, 2019, https://arxiv.org/abs/1912.12936, Eqs. 1 to 3, 7 and 10.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST_PROBABILITY = 1e-5


def count_cooccurrence(
    latent_probs: Tensor, labels: Tensor, num_classes: int, ignore_index: int = 255
) -> Tensor:
    """Count the pixels of each pair of semantic and latent class (Eqs. 2 and 8).

    This is one matrix product over all pixels. Autocast does not apply.

    Args:
        latent_probs: S_l, (N, L, H, W), float, in 0..1.
        labels: (N, H, W), int64, in 0..C-1 or ``ignore_index``.
        num_classes: C.
        ignore_index: Label of ignored pixels.

    Returns:
        (C, L), float, in pixels; their sum is the number of pixels that are not
        ignored.

    Example:
        >>> latent_probs = torch.tensor([[[[0.9, 0.2]], [[0.1, 0.8]]]])
        >>> count_cooccurrence(latent_probs, torch.tensor([[[2, 255]]]), num_classes=3)
        tensor([[0.0000, 0.0000],
                [0.0000, 0.0000],
                [0.9000, 0.1000]])
    """
    classes = torch.arange(num_classes, device=labels.device)
    is_class = labels.flatten(1).unsqueeze(1) == classes.view(1, -1, 1)
    with torch.autocast(latent_probs.device.type, enabled=False):
        probs = latent_probs.flatten(2)
        probs = probs.to(torch.promote_types(probs.dtype, torch.float32))
        # Ignored pixels belong to no class.
        return torch.bmm(is_class.to(probs.dtype), probs.mT).sum(dim=0)


def conditional_entropy(counts: Tensor) -> Tensor:
    """H(semantic class | latent class) of a batch, in nats (Eqs. 1 and 3).

    Args:
        counts: (C, L), float, not negative, from :func:`count_cooccurrence`.

    Returns:
        Scalar tensor, in 0..log C; zero without any pixel.

    Example:
        >>> conditional_entropy(torch.tensor([[3.0, 1.0], [1.0, 3.0]]))
        tensor(0.5623)
        >>> conditional_entropy(torch.tensor([[4.0, 0.0], [4.0, 0.0]]))  # log 2
        tensor(0.6931)
    """
    tiny = torch.finfo(counts.dtype).tiny
    joint = counts / counts.sum().clamp(min=1)
    marginal = joint.sum(dim=0, keepdim=True)
    # log p(c|l) as a difference: the quotient of two tiny numbers would be lost.
    log_conditional = joint.clamp(min=tiny).log() - marginal.clamp(min=tiny).log()
    return -(joint * log_conditional).sum()


def latent_given_class(cooccurrence: Tensor) -> Tensor:
    """P(l|c), (C, L), from M (Eq. 9); uniform for a class without pixels.

    Args:
        cooccurrence: M, (C, L), float, not negative.

    Example:
        >>> latent_given_class(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
        tensor([[0.7500, 0.2500],
                [0.5000, 0.5000]])
    """
    total = cooccurrence.sum(dim=1, keepdim=True)
    seen = total > 0
    uniform = 1 / cooccurrence.shape[1]
    return torch.where(seen, cooccurrence / torch.where(seen, total, 1), uniform)


def latent_consistency(
    latent_probs: Tensor,
    class_probs: Tensor,
    table: Tensor,
    valid: Tensor,
    smallest: float = SMALLEST_PROBABILITY,
) -> Tensor:
    """Cross-entropy between both branches' latent classes (Eqs. 7 and 10).

    The mean over valid pixels of ``-sum_l S_l log sum_c P(l|c) S_c``; a finite zero if
    there are none. Autocast does not apply.

    Args:
        latent_probs: S_l, (N, L, H, W), float, in 0..1: the target.
        class_probs: S_c, (N, C, H, W), float, in 0..1: the prediction.
        table: P(l|c), (C, L), float, a constant.
        valid: (N, H, W), bool, the pixels that count.
        smallest: Lower bound of the predicted probability, which bounds the loss.

    Returns:
        Scalar tensor.

    Example:
        >>> latent_probs = torch.tensor([[[[1.0]], [[0.0]]]])
        >>> class_probs = torch.tensor([[[[0.5]], [[0.5]]]])
        >>> table, valid = torch.eye(2), torch.ones(1, 1, 1, dtype=torch.bool)
        >>> latent_consistency(latent_probs, class_probs, table, valid)  # -log 0.5
        tensor(0.6931)
    """
    with torch.autocast(class_probs.device.type, enabled=False):
        dtype = torch.promote_types(class_probs.dtype, torch.float32)
        predicted = table.detach().to(dtype).mT @ class_probs.to(dtype).flatten(2)
        log_predicted = predicted.clamp(min=smallest).log()
        entropy = -(latent_probs.to(dtype).flatten(2) * log_predicted).sum(dim=1)
    return (entropy * valid.flatten(1)).sum() / valid.sum().clamp(min=1)


def symmetric_kl(first: Tensor, second: Tensor, valid: Tensor) -> Tensor:
    """KL(S_1|S_2) + KL(S_2|S_1), the mean over valid pixels (section 4.3.3).

    Args:
        first: Logits of one branch, (N, C, H, W), float.
        second: Logits of the other, of the same shape.
        valid: (N, H, W), bool, the pixels that count.

    Returns:
        Scalar tensor; a finite zero if no pixel counts.

    Example:
        >>> first = torch.tensor([[[[0.0]], [[0.0]]]])
        >>> second = torch.tensor([[[[0.0]], [[2.0]]]])
        >>> valid = torch.ones(1, 1, 1, dtype=torch.bool)
        >>> symmetric_kl(first, first, valid), symmetric_kl(first, second, valid)
        (tensor(0.), tensor(0.7616))
    """
    with torch.autocast(first.device.type, enabled=False):
        dtype = torch.promote_types(first.dtype, torch.float32)
        log_p = first.to(dtype).log_softmax(dim=1)
        log_q = second.to(dtype).log_softmax(dim=1)
        divergence = ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(dim=1)
    return (divergence * valid).sum() / valid.sum().clamp(min=1)
