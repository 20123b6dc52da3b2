"""Trains two equal branches to agree with each other on unlabelled images.

The symmetric baseline of Sawatzky, Zatsarynna, Gall: Discovering Latent Classes for
Semi-Supervised Semantic Segmentation, 2019, https://arxiv.org/abs/1912.12936 (section
4.3.3, "KL symmetry" of Table 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from mmseg.registry import MODELS
from torch import Tensor

from ..heads.auxiliary_branch import AuxiliaryBranch
from ..losses import masked_cross_entropy, symmetric_kl
from ..step.step import Step
from ..training_facts import check_time
from .base import Objective


@MODELS.register_module()
class TwinBranchObjective(Objective):
    """A second head for the same classes, which agrees with the first one.

    It publishes ``twin.<branch>``, the second head's probabilities (N, C, H, W), for
    each of its branches; ``AdversarialObjective(predictions='twin')`` judges them.

    Args:
        head: Config of the second decode head, which reads the same features; without
            ``type``: changes to a copy of the segmentor's head.
        weight: Weight of its cross-entropy on labelled images.
        consistency_weight: Weight of the symmetric Kullback-Leibler divergence.
        start: Time from which on the divergence counts.
        labeled_branch: Branch with masks.
        unlabeled_branch: Branch without.
    """

    takes: ClassVar[Mapping[str, str]] = {
        "head": "branch_head",
        "head.num_classes": "num_classes",
    }

    def __init__(
        self,
        head: Mapping[str, Any],
        weight: float = 1.0,
        consistency_weight: float = 0.1,
        start: float = 5000,
        labeled_branch: str = "labeled",
        unlabeled_branch: str = "unlabeled",
    ) -> None:
        super().__init__()
        self.twin_branch = AuxiliaryBranch(head)
        self.weight = weight
        self.consistency_weight = consistency_weight
        check_time(f"{type(self).__name__}.start", start)
        self.start = start
        self.labeled_branch = labeled_branch
        self.unlabeled_branch = unlabeled_branch

    @property
    def reads(self) -> Sequence[str]:
        """Both views."""
        return (self.labeled_branch, self.unlabeled_branch)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Cross-entropy of the second head, and the divergence of both."""
        labeled, unlabeled = step[self.labeled_branch], step[self.unlabeled_branch]
        first, second = self.outputs(step, labeled, unlabeled)
        twins = {
            view.name: self.twin_branch.full_logits(output)
            for view, output in ((labeled, first), (unlabeled, second))
        }
        for name, logits in twins.items():
            self.publish(step, f"twin.{name}", partial(_probs, logits))
        loss = masked_cross_entropy(
            twins[labeled.name], labeled.labels, step.ignore_index
        )
        losses = {"loss": self.weight * loss}
        if not step.before(self.start):
            divergence = symmetric_kl(
                second.class_logits, twins[unlabeled.name], unlabeled.valid
            )
            losses["loss_consistency"] = self.consistency_weight * divergence
        return losses


def _probs(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1)
