"""Learns pseudo-masks with an auxiliary branch.

Ke et al.: A Three-Stage Self-Training Framework for Semi-Supervised Semantic
Segmentation, 2020, https://arxiv.org/abs/2012.00827, Eq. 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..heads.auxiliary_branch import AuxiliaryBranch
from ..losses import joint_cross_entropy
from ..step.step import Step
from .base import Objective


@MODELS.register_module()
class PseudoMaskObjective(Objective):
    """Trains an auxiliary branch of the student on pseudo-masks (Task 2, Eq. 3).

    The pseudo-masks teach the layers that both branches share; the segmentor's own last
    layers never see them. Prediction does not need the branch.

    The loss is the cross-entropy, averaged over the pixels of all branches together.

    Args:
        head: Config of the branch's decode head; without ``type``: changes to a copy
            of the segmentor's head.
        stage: Config of the branch's own last stage (g^), whose ``backbone`` is the
            segmentor's if it states none; or None to share it (g~).
        neck: Config of the branch's own neck, or None. With ``stage`` and without
            ``neck``, the head reads the backbone's outputs.
        weight: lambda_2.
        branch: Augmented images whose masks are the pseudo-masks.
        plain_branches: Further branches, without strong augmentation, whose samples
            carry a pseudo-mask in addition to their mask (``LoadPseudoMask``).

    Raises:
        ValueError: If a part cannot be built.
    """

    takes: ClassVar[Mapping[str, str]] = {
        "head": "branch_head",
        "head.num_classes": "num_classes",
        "stage.backbone": "backbone",
    }
    # Pseudo-masks may have classes that the segmentor does not predict.
    may_exceed: ClassVar[Sequence[str]] = ("head.num_classes",)

    def __init__(
        self,
        head: Mapping[str, Any],
        stage: dict[str, Any] | None = None,
        neck: Mapping[str, Any] | None = None,
        weight: float = 1.0,
        branch: str = "pseudo_strong",
        plain_branches: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.auxiliary = AuxiliaryBranch(head, stage, neck)
        self.weight = weight
        self.branch = branch
        self.plain_branches = tuple(plain_branches)

    @property
    def reads(self) -> Sequence[str]:
        """All views with pseudo-masks."""
        return (self.branch, *self.plain_branches)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of pixels in which the branch agrees."""
        views = [step[name] for name in self.reads]
        outputs = self.outputs(step, *views)
        logits = [self.auxiliary.full_logits(output) for output in outputs]
        targets = [views[0].labels, *(view.pseudo_masks for view in views[1:])]
        loss = joint_cross_entropy(logits, targets, step.ignore_index)
        with torch.no_grad():
            valid = targets[0] != step.ignore_index
            right = (logits[0].max(dim=1).indices == targets[0]) & valid
            accuracy = right.sum() / valid.sum().clamp(min=1)
        return {"loss": self.weight * loss, "agreement": accuracy}
