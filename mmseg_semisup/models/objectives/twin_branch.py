"""Two equal branches that agree with each other on unlabelled images.

The symmetric variant that Sawatzky, Zatsarynna, Gall: Discovering Latent Classes for
Semi-Supervised Semantic Segmentation, 2019, https://arxiv.org/abs/1912.12936, compare
latent classes with (section 4.3.3, "KL symmetry" of Table 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn as nn
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor

from ..heads.auxiliary_branch import AuxiliaryBranch
from ..losses import masked_cross_entropy, symmetric_kl
from ..segmentors.seg_output import last_head
from ..segmentors.step import Step
from .base import NetworkPass, Objective


@MODELS.register_module()
class TwinBranchObjective(Objective):
    """A second head for the same classes, and agreement of both on unlabelled images.

    It publishes ``twin.<branch>``, the second head's probabilities (N, C, H, W), for
    each of its branches; ``AdversarialObjective(predictions='twin')`` judges them.

    Args:
        head: Config of the second decode head, which reads the same features.
        weight: Of its cross-entropy on labelled images.
        consistency_weight: Of the symmetric Kullback-Leibler divergence.
        start: Iteration from which on the divergence counts.
        labeled_branch: Branch with masks.
        unlabeled_branch: Branch without.
    """

    def __init__(
        self,
        head: Mapping[str, Any],
        weight: float = 1.0,
        consistency_weight: float = 0.1,
        start: int = 5000,
        labeled_branch: str = "labeled",
        unlabeled_branch: str = "unlabeled",
    ) -> None:
        super().__init__()
        self.twin_branch = AuxiliaryBranch(head)
        self.weight = weight
        self.consistency_weight = consistency_weight
        self.start = start
        self.labeled_branch = labeled_branch
        self.unlabeled_branch = unlabeled_branch

    def check(self, segmentor: nn.Module) -> None:
        """Both heads must have the same classes."""
        classes = last_head(segmentor).num_classes
        if self.twin_branch.num_classes != classes:
            raise ValueError(
                f"TwinBranchObjective: head.num_classes={self.twin_branch.num_classes},"
                f" but the segmentor predicts {classes} classes; they must be equal"
            )

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Cross-entropy of the second head, and the divergence of both."""
        logits = {
            branch: self.logits(step, branch)
            for branch in (self.labeled_branch, self.unlabeled_branch)
        }
        for branch, value in logits.items():
            step.publish(f"twin.{branch}", lambda value=value: value.softmax(dim=1))
        labeled, unlabeled = self.labeled_branch, self.unlabeled_branch
        loss = masked_cross_entropy(
            logits[labeled], step.labels(labeled), step.ignore_index
        )
        losses = {f"{labeled}.loss_twin": self.weight * loss}
        if step.iteration >= self.start:
            divergence = symmetric_kl(
                step.student(unlabeled).full_logits,
                logits[unlabeled],
                step.valid(unlabeled),
            )
            losses[f"{unlabeled}.loss_twin_consistency"] = (
                self.consistency_weight * divergence
            )
        return losses

    def logits(self, step: Step, branch: str) -> Tensor:
        """What the second head says of a branch of the batch, (N, C, H, W)."""
        logits = self.twin_branch(self.twin_branch.features(step.student(branch)))
        return resize(
            logits,
            size=step.images(branch).shape[-2:],
            mode="bilinear",
            align_corners=self.twin_branch.head.align_corners,
            warning=False,
        )

    def passes(self) -> list[NetworkPass]:
        """Student and second head on both branches."""
        branches = (self.labeled_branch, self.unlabeled_branch)
        return [
            *(NetworkPass("student", branch, "weights") for branch in branches),
            *(NetworkPass(self.twin_branch, branch, "weights") for branch in branches),
        ]
