"""Policies that weight the pixels of a judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..step.step import Step
from .labels import Judgement


class Select(nn.Module):
    """Base of the selection policies.

    Attributes:
        takes: Argument to the fact of the segmentor that is its value, see
            :func:`~mmseg_semisup.models.step.facts.hand_to_policies`.
    """

    takes: ClassVar[Mapping[str, str]] = {}

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """Compute the weight of each pixel.

        Args:
            judgement: Labels and confidence at the pixels of a view.
            step: The step; its iteration and progress serve schedules.

        Returns:
            (N, H, W); bool, or float from 0 on. Pixels that are not valid get 0.
        """
        raise NotImplementedError

    def finish(self, weights: Tensor, valid: Tensor) -> Tensor:
        """The weights that the loss counts, once images are mixed.

        Args:
            weights: (N, H, W), those of :meth:`forward`, mixed like the images.
            valid: (N, H, W), bool, mixed, too.

        Returns:
            (N, H, W); bool, or float from 0 on.
        """
        return weights

    @property
    def level(self) -> Tensor | float | None:
        """Least confidence of a selected pixel, as it is now.

        Returns:
            One number, or (C,) by predicted class, float, in 0..1; None: the policy
            does not select by the highest class probability.
        """
        return None


@MODELS.register_module()
class ConfidenceThreshold(Select):
    """Selects the pixels whose highest class probability reaches a threshold.

    Args:
        threshold: Threshold in 0..1; 0 selects every valid pixel.

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
        """The selected pixels, (N, H, W), bool."""
        if self.threshold == 0:
            return judgement.valid
        return judgement.valid & (judgement.confidence >= self.threshold)

    @property
    def level(self) -> float:
        """The threshold."""
        return self.threshold


@MODELS.register_module()
class ConfidentShare(Select):
    """Weights all valid pixels by the share of confident ones among them.

    French et al., BMVC 2020, section 3.4, and Olsson et al., ClassMix, WACV 2021,
    section 3.2: one number for the images of a step, after they are mixed.

    Args:
        threshold: Least highest class probability of a confident pixel, in 0..1; where
            images are blended, that of the blended probabilities of both.

    Raises:
        ValueError: If it is out of its range.
    """

    def __init__(self, threshold: float = 0.97) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(f"ConfidentShare: threshold={threshold}; allowed: 0 to 1")
        self.threshold = threshold

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """The confidence of valid pixels, (N, H, W), float, in 0..1."""
        return judgement.confidence.masked_fill(~judgement.valid, 0)

    def finish(self, weights: Tensor, valid: Tensor) -> Tensor:
        """The share, (N, H, W), float; 0 in pixels that are not valid."""
        confident = (weights >= self.threshold) & valid
        share = confident.sum() / valid.sum().clamp(min=1)
        return share.to(weights.dtype) * valid

    @property
    def level(self) -> float:
        """The threshold; the share of what exceeds it is the weight of all pixels."""
        return self.threshold


@MODELS.register_module()
class MeanConfidence(Select):
    """Weights all valid pixels of an image by its mean confidence.

    PrevMatch's code does so on Cityscapes, where every pixel is learnt. The mean is
    that of the valid pixels after images are mixed.
    """

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """The confidence of valid pixels, (N, H, W), float, in 0..1."""
        return judgement.confidence.masked_fill(~judgement.valid, 0)

    def finish(self, weights: Tensor, valid: Tensor) -> Tensor:
        """The mean of each image, (N, H, W), float; 0 in pixels that are not valid."""
        total = (weights * valid).sum(dim=(1, 2), keepdim=True)
        return valid * total / valid.sum(dim=(1, 2), keepdim=True).clamp(min=1)


class SharedSelection(Select):
    """Reuses the weights that another objective has selected in this step.

    Args:
        objective: Name of the objective, which runs earlier on the same view.
    """

    def __init__(self, objective: str) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """The other objective's weights, (N, H, W)."""
        return step.signal(f"{self.objective}.selection").squeeze(1)


def build_select(cfg: Any, threshold: float) -> Select:
    """Build a selection from its config, or from the name of an earlier objective.

    Args:
        cfg: Config, name, or None for a confidence threshold.
        threshold: The confidence threshold.
    """
    if cfg is None:
        return ConfidenceThreshold(threshold)
    return SharedSelection(cfg) if isinstance(cfg, str) else MODELS.build(cfg)


def check_weights(weights: Tensor, like: Tensor, policy: nn.Module) -> Tensor:
    """Return the weights if they have the shape of the labels.

    Raises:
        ValueError: If they have another shape; the message names the policy.
    """
    if weights.shape != like.shape or weights.dtype == torch.int64:
        raise ValueError(
            f"{type(policy).__name__} gave weights {tuple(weights.shape)} of "
            f"{weights.dtype} for labels {tuple(like.shape)}; they must be bool or "
            "float, of the same shape"
        )
    return weights
