"""Which pixels of a judgement are learned from, and how much each counts."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..step.step import Step
from .labels import Judgement


class Select(nn.Module):
    """Gives each pixel a weight."""

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """Weights of pixels.

        Args:
            judgement: Labels and confidence at the pixels of a view.
            step: The step; its iteration and progress serve schedules.

        Returns:
            (N, H, W); bool, or float in 0..1. Pixels that are not valid get 0.
        """
        raise NotImplementedError


@MODELS.register_module()
class ConfidenceThreshold(Select):
    """Pixels count in which the highest class probability reaches a threshold.

    Args:
        threshold: In 0..1; 0 selects every valid pixel.

    Raises:
        ValueError: If it is out of its range.
    """

    def __init__(self, threshold: float = 0.95) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(
                f"ConfidenceThreshold: threshold={threshold}; allowed: 0 to 1"
            )
        self.threshold = threshold

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """Sure pixels, (N, H, W), bool."""
        if self.threshold == 0:
            return judgement.valid
        return judgement.valid & (judgement.confidence >= self.threshold)


class SharedSelection(Select):
    """The weights that another objective has selected in this step.

    Args:
        objective: Its name; it runs earlier, on the same view.
    """

    def __init__(self, objective: str) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """The other objective's weights, (N, H, W)."""
        return step.signal(f"{self.objective}.selection").squeeze(1)


def build_select(cfg: Any, threshold: float) -> Select:
    """A selection from its config, or the name of the objective that shares its own.

    Args:
        cfg: Config, name, or None for a confidence threshold.
        threshold: That threshold.
    """
    if cfg is None:
        return ConfidenceThreshold(threshold)
    return SharedSelection(cfg) if isinstance(cfg, str) else MODELS.build(cfg)


def check_weights(weights: Tensor, like: Tensor, policy: nn.Module) -> Tensor:
    """The weights, if they have the shape of the labels.

    Raises:
        ValueError: Otherwise; names the policy.
    """
    if weights.shape != like.shape or weights.dtype == torch.int64:
        raise ValueError(
            f"{type(policy).__name__} gave weights {tuple(weights.shape)} of "
            f"{weights.dtype} for labels {tuple(like.shape)}; they must be bool or "
            "float, of the same shape"
        )
    return weights
