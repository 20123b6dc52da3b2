"""Learning pseudo-masks with a branch of its own.

Ke et al.: A Three-Stage Self-Training Framework for Semi-Supervised Semantic
Segmentation, 2020, https://arxiv.org/abs/2012.00827, Eq. 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor

from ..heads.auxiliary_branch import AuxiliaryBranch
from ..losses import joint_cross_entropy
from ..segmentors.seg_output import last_head
from ..segmentors.step import Step
from .base import NetworkPass, Objective

PSEUDO_MASK = "pseudo_sem_seg"


@MODELS.register_module()
class PseudoMaskObjective(Objective):
    """A second branch of the student reproduces pseudo-masks (Task 2, Eq. 3).

    The pseudo-masks teach the layers that both branches share; the segmentor's own last
    layers never see them. Prediction does not need the branch.

    The loss is the cross-entropy, averaged over the pixels of all branches together.

    Args:
        head: Config of the branch's decode head.
        stage: Config of the branch's own last stage (g^), or None to share it (g~).
        neck: Config of the branch's own neck, or None. With ``stage`` and without
            ``neck``, the head reads the backbone's outputs.
        weight: lambda_2.
        branch: Augmented images whose masks are the pseudo-masks.
        plain_branches: Further branches, seen without strong augmentation, whose
            samples carry a pseudo-mask besides their mask (``LoadPseudoMask``).

    Raises:
        ValueError: If a part cannot be built.
    """

    def __init__(
        self,
        head: Mapping[str, Any],
        stage: Mapping[str, Any] | None = None,
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

    def check(self, segmentor: nn.Module) -> None:
        """The branch must have an output for each class."""
        classes = last_head(segmentor).num_classes
        if self.auxiliary.num_classes < classes:
            raise ValueError(
                f"PseudoMaskObjective: head.num_classes={self.auxiliary.num_classes}, "
                f"but the segmentor predicts {classes} classes; it needs as many"
            )

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of pixels in which the branch agrees."""
        branches = (self.branch, *self.plain_branches)
        logits = [self.logits(step, branch) for branch in branches]
        targets = [step.labels(self.branch)]
        targets += [pseudo_masks(step, branch) for branch in self.plain_branches]
        loss = joint_cross_entropy(logits, targets, step.ignore_index)
        with torch.no_grad():
            valid = targets[0] != step.ignore_index
            right = (logits[0].max(dim=1).indices == targets[0]) & valid
            accuracy = right.sum() / valid.sum().clamp(min=1)
        return {
            f"{self.branch}.loss_pseudo_mask": self.weight * loss,
            f"{self.branch}.agreement": accuracy,
        }

    def logits(self, step: Step, branch: str) -> Tensor:
        """What the second branch says of a branch of the batch, (N, C, H, W)."""
        features = self.auxiliary.features(step.student(branch))
        return resize(
            self.auxiliary(features),
            size=step.images(branch).shape[-2:],
            mode="bilinear",
            align_corners=self.auxiliary.head.align_corners,
            warning=False,
        )

    def passes(self) -> list[NetworkPass]:
        """The student, and the second branch on its features."""
        branches = (self.branch, *self.plain_branches)
        return [
            *(NetworkPass("student", branch, "weights") for branch in branches),
            *(NetworkPass(self.auxiliary, branch, "weights") for branch in branches),
        ]


def pseudo_masks(step: Step, branch: str) -> Tensor:
    """Pseudo-masks that samples carry besides their masks, (N, H, W), int64.

    Raises:
        ValueError: If they carry none.
    """
    samples = step.samples(branch)
    if not all(PSEUDO_MASK in sample for sample in samples):
        raise ValueError(
            f"the samples of branch {branch!r} have no pseudo-masks; put "
            "LoadPseudoMask after LoadAnnotations, and PackPseudoMask in place of "
            "PackSegInputs, into its pipeline, or leave the branch out of "
            "plain_branches"
        )
    height, width = step.images(branch).shape[-2:]
    masks = [sample.get(PSEUDO_MASK).data[0] for sample in samples]
    if any(mask.shape != (height, width) for mask in masks):
        # As the preprocessor pads images: at the right and at the bottom.
        masks = [
            F.pad(
                mask,
                (0, width - mask.shape[1], 0, height - mask.shape[0]),
                value=step.ignore_index,
            )
            for mask in masks
        ]
    return torch.stack(masks)
