"""Policies that compare a network's predictions with a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..losses import (
    reliable_cross_entropy,
    selected_cross_entropy,
    selected_squared_difference,
)
from .labels import Judgement
from .mixing import Target


class PixelLoss(nn.Module):
    """Base of the losses of an objective that learns from a judgement."""

    def labels(self, judgement: Judgement) -> Tensor:
        """What is learnt at the pixels of the judgement's target.

        Returns:
            (N, H, W), int64, or (N, C, H, W), float.
        """
        raise NotImplementedError

    def forward(
        self, logits: Sequence[Tensor], targets: Sequence[Target], scale: float
    ) -> Tensor:
        """The loss, averaged over the valid pixels of all targets.

        Args:
            logits: Each (N_i, C, H_i, W_i), float, whose softmax is the prediction.
            targets: With the labels of :meth:`labels`, mixed.
            scale: Factor of the loss.
        """
        raise NotImplementedError


@MODELS.register_module()
class LabelCrossEntropy(PixelLoss):
    """Cross-entropy of the most probable classes."""

    compare = staticmethod(selected_cross_entropy)

    def labels(self, judgement: Judgement) -> Tensor:
        """Most probable class, (N, H, W), int64."""
        return judgement.labels

    def forward(
        self, logits: Sequence[Tensor], targets: Sequence[Target], scale: float
    ) -> Tensor:
        """:attr:`compare`, of the predictions and the labels."""
        return self.compare(
            logits,
            [target.labels for target in targets],
            [target.weights for target in targets],
            [target.valid for target in targets],
            targets[0].view.ignore_index,
            scale,
        )


@MODELS.register_module()
class ReliableCrossEntropy(LabelCrossEntropy):
    """Cross-entropy of the selected pixels, divided by their share (U2PL)."""

    compare = staticmethod(reliable_cross_entropy)


@MODELS.register_module()
class SquaredDifference(PixelLoss):
    """Squared difference of probabilities, summed over the classes."""

    def labels(self, judgement: Judgement) -> Tensor:
        """Probabilities of the classes, (N, C, H, W), float."""
        return judgement.probs

    def forward(
        self, logits: Sequence[Tensor], targets: Sequence[Target], scale: float
    ) -> Tensor:
        """:func:`selected_squared_difference`."""
        return selected_squared_difference(
            logits,
            [target.labels for target in targets],
            [target.weights for target in targets],
            [target.valid for target in targets],
            scale,
        )


def build_loss(cfg: dict[str, Any] | None) -> PixelLoss:
    """Build a loss from its config; None: the cross-entropy."""
    return LabelCrossEntropy() if cfg is None else MODELS.build(cfg)
