"""Learns coarse pseudo-masks, from image labels, with a second classifier.

Lai et al.: Semi-supervised Semantic Segmentation with Directional Context-aware
Consistency, CVPR 2021, https://arxiv.org/abs/2106.14133, section 3.5, Eqs. 10 and 11.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import ClassVar

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..losses import masked_cross_entropy
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..training_facts import check_time, iterations
from ..upsample import upsample
from .base import Objective


class EmbeddingClassifier(nn.Conv2d):
    """A second classifier of the features in front of the segmentor's own: C_w.

    Args:
        in_channels: Channels of the embedding.
        num_classes: Number of classes.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__(in_channels, num_classes, kernel_size=1)
        # The initialisation of mmseg's heads.
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.get_parameter("bias"))

    def full_logits(self, output: SegOutput) -> Tensor:
        """Logits at the size of the images, (N, C, H, W), of a segmentor's outputs."""
        align_corners = output.heads[-1].align_corners
        return upsample(self(output.embedding), output.image_size, align_corners)


@MODELS.register_module()
class WeakMaskObjective(Objective):
    """Trains a second classifier on coarse pseudo-masks of the unlabelled images.

    The pseudo-masks train the encoder, but not the segmentor's own classifier, which
    their mistakes would corrupt. Prediction does not need the second classifier.

    The samples of the branches carry the pseudo-masks in a field of their own
    (``LoadPseudoMask``, ``PackPseudoMask``), so that other objectives see unlabelled
    images.

    Args:
        in_channels: Channels of the embedding in front of the classifier.
        num_classes: Number of classes.
        weight: lambda_w (Eq. 10) after the ramp.
        start: Time from which on the loss counts.
        ramp: Time over which the weight then grows, with t from 0 to
            1, as exp(-5 (1 - t)^2).
        branches: Views with pseudo-masks; the loss is the mean of theirs (Eq. 11).

    Raises:
        ValueError: If an argument is out of its range.
    """

    takes: ClassVar[Mapping[str, str]] = {
        "in_channels": "embedding_channels",
        "num_classes": "num_classes",
    }

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        weight: float = 0.4,
        start: float = 0,
        ramp: float = 0,
        branches: Sequence[str] = ("unlabeled", "unlabeled_second"),
    ) -> None:
        super().__init__()
        check_time("WeakMaskObjective.start", start)
        check_time("WeakMaskObjective.ramp", ramp)
        if weight < 0 or not branches:
            raise ValueError(
                f"WeakMaskObjective: weight={weight}, "
                f"branches={branches}; allowed: 0 and more, and at least one branch"
            )
        self.classifier = EmbeddingClassifier(in_channels, num_classes)
        self.weight = weight
        self.start = start
        self.ramp = ramp
        self.branches = tuple(branches)

    @property
    def reads(self) -> Sequence[str]:
        """The views with pseudo-masks."""
        return self.branches

    def weight_at(self, iteration: int) -> float:
        """lambda_w in an iteration, counted from 0."""
        start, ramp = iterations(self.start), iterations(self.ramp)
        if iteration < start:
            return 0.0
        if iteration >= start + ramp:
            return self.weight
        left = 1 - (iteration - start) / ramp
        return self.weight * math.exp(-5 * left**2)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of labelled pixels in which C_w agrees."""
        weight = self.weight_at(step.iteration)
        if weight == 0:
            return {"loss": self.zero_loss()}
        views = [step[name] for name in self.branches]
        outputs = self.outputs(step, *views)
        logits = [self.classifier.full_logits(output) for output in outputs]
        targets = [view.pseudo_masks for view in views]
        losses = [
            masked_cross_entropy(x, y, step.ignore_index)
            for x, y in zip(logits, targets, strict=True)
        ]
        with torch.no_grad():
            valid = targets[0] != step.ignore_index
            right = (logits[0].argmax(dim=1) == targets[0]) & valid
            agreement = right.sum() / valid.sum().clamp(min=1)
        return {
            "loss": weight / len(losses) * reduce(torch.add, losses),
            "agreement": agreement,
        }
