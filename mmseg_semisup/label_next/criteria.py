"""Criteria of the need for a mask, computed from a network's probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def entropy_map(probs: Tensor) -> Tensor:
    """Entropy of each pixel's class, as a share of the greatest possible.

    Args:
        probs: (N, C, H, W), float, in 0..1, with the sum 1 over the classes.

    Returns:
        H(p) / log C, (N, H, W), float, in 0..1; 0 for a single class.
    """
    return _entropy(probs) / math.log(max(probs.shape[1], 2))


def disagreement_map(predictions: Iterable[Tensor]) -> Tensor:
    """Jensen-Shannon divergence of several predictions of the same images.

    H(mean of p_k) - mean of H(p_k): what knowing the network, or the view, tells about
    the class (Houlsby et al., "Bayesian active learning for classification and
    preference learning", 2011, Eq. 2, with a set of networks for the posterior).

    Args:
        predictions: K tensors (N, C, H, W), float, in 0..1, with the sum 1 over the
            classes. They may be computed one at a time; only two are kept.

    Returns:
        The divergence over log min(K, C), its greatest value; (N, H, W), float, in
        0..1; 0 for a single prediction or class.

    Raises:
        ValueError: If there is no prediction.
    """
    total, entropies, count = None, None, 0
    for probs in predictions:
        own = _entropy(probs)
        total = probs.clone() if total is None else total.add_(probs)
        entropies = own if entropies is None else entropies.add_(own)
        count += 1
    if total is None or entropies is None:
        raise ValueError("disagreement_map: no prediction is given")
    greatest = math.log(max(min(count, total.shape[1]), 2))
    # Rounding may make the divergence of equal predictions negative.
    divergence = _entropy(total / count) - entropies / count
    return (divergence / greatest).clamp(0, 1)


def rarity(
    shares: NDArray[np.floating], frequency: NDArray[np.floating]
) -> NDArray[np.float64]:
    """How rare the classes are that an image is predicted to show.

    The cross-entropy of the frequency of the classes relative to their shares of the
    image: the mean over its pixels of -log of the frequency of their class.

    Args:
        shares: Expected share of each class in each image, (N, C), in 0..1.
        frequency: Share of each class in all images, (C,), in 0..1.

    Returns:
        (N,), float64, in nats, 0 or more.
    """
    least = np.finfo(np.float64).tiny
    surprise = -np.log(np.clip(frequency.astype(np.float64), least, 1))
    return shares.astype(np.float64) @ surprise


def _entropy(probs: Tensor) -> Tensor:
    """Entropy of each pixel in nats, (N, H, W)."""
    return torch.special.entr(probs).sum(dim=1)
