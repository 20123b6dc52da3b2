"""Losses of s4GAN (Mittal et al., 2019): Eqs. 2, 3 and 5, and the standard GAN's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .cross_entropy import masked_cross_entropy

NORMS = ("mean_l1", "l2")


def feature_distance(real: Tensor, fake: Tensor, norm: str = "mean_l1") -> Tensor:
    """Distance of two mean feature vectors (Eq. 2).

    Args:
        real: (D,), float.
        fake: (D,), float.
        norm: 'mean_l1', the mean absolute difference, as in the authors' code, to which
            the published weight belongs; 'l2', the Euclidean norm. The paper does not
            state the norm.

    Returns:
        Scalar tensor, float.

    Raises:
        ValueError: If there is no such norm.

    Example:
        >>> real, fake = torch.tensor([0.0, 3.0]), torch.tensor([4.0, 0.0])
        >>> feature_distance(real, fake), feature_distance(real, fake, norm="l2")
        (tensor(3.5000), tensor(5.))
    """
    if norm == "mean_l1":
        return (real - fake).abs().mean()
    if norm == "l2":
        return torch.linalg.vector_norm(real - fake)
    raise ValueError(f"norm={norm!r}; allowed: {NORMS}")


def image_bce(scores: Tensor, is_real: bool, counts: Tensor) -> Tensor:
    """Binary cross-entropy of scores of images towards one target (terms of Eq. 5).

    ``-log D`` for ``is_real``, ``-log(1 - D)`` otherwise, with ``D = sigmoid(scores)``;
    the mean over the images that count, or a finite zero if there are none.

    Args:
        scores: (N,), float, before the sigmoid.
        is_real: The target: ground truth (1) or prediction (0).
        counts: (N,), bool.

    Returns:
        Scalar tensor, float.

    Example:
        >>> scores = torch.tensor([0.0, 100.0])
        >>> image_bce(scores, True, counts=torch.tensor([True, True]))  # log 2 / 2
        tensor(0.3466)
        >>> image_bce(scores, True, counts=torch.tensor([False, False]))
        tensor(0.)
    """
    loss = F.softplus(-scores if is_real else scores)
    return (loss * counts).sum() / counts.sum().clamp(min=1)


def self_training_loss(
    logits: Tensor, selected: Tensor, valid: Tensor, ignore_index: int = 255
) -> Tensor:
    """Cross-entropy of selected images towards their own argmax (Eq. 3).

    The paper sums over pixels; this is the mean over the valid pixels of the selected
    images, as in the authors' code. Without a selected image, the loss is a finite zero
    with zero gradients.

    Args:
        logits: (N, C, H, W), float.
        selected: (N,), bool.
        valid: (N, H, W), bool; the pixels that show the image.
        ignore_index: A label that is no class.

    Returns:
        Scalar tensor, float.

    Example:
        >>> logits = torch.tensor([[[[0.0]], [[1.0]]], [[[0.0]], [[5.0]]]])
        >>> valid = torch.ones(2, 1, 1, dtype=torch.bool)
        >>> self_training_loss(  # log(1 + exp(-1)), of the first image
        ...     logits, torch.tensor([True, False]), valid
        ... )
        tensor(0.3133)
    """
    counts = selected[:, None, None] & valid
    pseudo = logits.detach().argmax(dim=1).masked_fill(~counts, ignore_index)
    return masked_cross_entropy(logits, pseudo, ignore_index)
