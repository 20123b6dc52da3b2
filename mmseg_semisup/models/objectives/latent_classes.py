"""Latent classes: super-categories that are easier to predict than the classes.

Sawatzky, Zatsarynna, Gall: Discovering Latent Classes for Semi-Supervised Semantic
Segmentation, 2019, https://arxiv.org/abs/1912.12936, Eqs. 1 to 3 and 7 to 11. The
authors published no code.

According to the sentence after Eq. 10, the gradient goes to the latent branch;
according to Figs. 2 and 3 and the sentence before Eq. 10, the latent branch supervises
the semantic one. The latter is the default; ``gradient_to='latent'`` is the former.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..heads.auxiliary_branch import AuxiliaryBranch
from ..losses import (
    conditional_entropy,
    count_cooccurrence,
    latent_consistency,
    latent_given_class,
    masked_cross_entropy,
)
from ..reduce import share_seen, sum_of_processes
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..step.view import View
from ..training_facts import check_time, labeled_images
from .base import Objective

GRADIENT_CHOICES = ("semantic", "latent")


@MODELS.register_module()
class LatentClassObjective(Objective):
    """A latent branch groups the classes, and teaches them to the semantic branch.

    On labelled images, the branch learns latent classes that are as informative as
    possible about the semantic ones (Eq. 1), and the co-occurrence of both is averaged
    (Eq. 8). On unlabelled images, the semantic branch learns classes that are
    consistent with the predicted latent classes (Eq. 10).

    With ``groups``, the branch learns these instead, with cross-entropy: the manual
    super-categories of Table 5. One group for each class is the row "semantic classes".

    With several processes, the joint distribution is that of the whole batch.

    Args:
        head: Config of the latent branch's decode head, which reads the same features
            as the segmentor's; its ``num_classes`` is the number of latent classes.
            Without ``type``: changes to a copy of the segmentor's head.
        num_classes: Number of semantic classes.
        update_rate: alpha of Eq. 8, in 0..1; None: as in the paper, labelled images of
            a step, in all processes, divided by those of the data set.
        weight: lambda_latent.
        consistency_weight: lambda_cons; 0: there is no unlabelled branch.
        start: Time from which on the consistency counts.
        groups: Name of a group to its semantic classes (0..C-1); None: latent classes
            are discovered.
        gradient_to: Which branch learns from the consistency, 'semantic' or 'latent'.
        labeled_branch: Branch with masks.
        unlabeled_branch: Branch without.
        used_above: Thresholds; a latent class is in use if P(l|c) of some class exceeds
            the threshold. The log has a figure for each (Table 4).

    Raises:
        ValueError: If an argument is out of its range, or ``groups`` does not hold
            every class once.
    """

    takes: ClassVar[Mapping[str, str]] = {
        "num_classes": "num_classes",
        "head": "branch_head",
    }
    cooccurrence: Tensor

    def __init__(
        self,
        head: Mapping[str, Any],
        num_classes: int,
        update_rate: float | None = None,
        weight: float = 1.0,
        consistency_weight: float = 0.1,
        start: float = 5000,
        groups: Mapping[str, Sequence[int]] | None = None,
        gradient_to: str = "semantic",
        labeled_branch: str = "labeled",
        unlabeled_branch: str = "unlabeled",
        used_above: Sequence[float] = (0.1, 0.9),
    ) -> None:
        super().__init__()
        if update_rate is not None and not 0 < update_rate <= 1:
            raise ValueError(
                f"LatentClassObjective: update_rate={update_rate}; allowed: above 0, "
                "at most 1"
            )
        if gradient_to not in GRADIENT_CHOICES:
            raise ValueError(
                f"LatentClassObjective: gradient_to={gradient_to!r}; allowed: "
                f"{GRADIENT_CHOICES}"
            )
        self.latent_branch = AuxiliaryBranch(head)
        self.num_classes = num_classes
        self.num_latent = self.latent_branch.num_classes
        self.update_rate = update_rate
        self.weight = weight
        self.consistency_weight = consistency_weight
        check_time(f"{type(self).__name__}.start", start)
        self.start = start
        self.gradient_to = gradient_to
        self.labeled_branch = labeled_branch
        self.unlabeled_branch = unlabeled_branch
        self.used_above = tuple(used_above)
        self.group_names = None if groups is None else list(groups)
        table = None if groups is None else self._group_table(groups)
        self.register_buffer("group_of_class", table, persistent=False)
        zeros = torch.zeros(num_classes, self.num_latent)
        self.register_buffer("cooccurrence", zeros)

    def _group_table(self, groups: Mapping[str, Sequence[int]]) -> Tensor:
        """Group of each class, (C,), int64."""
        if len(groups) != self.num_latent:
            raise ValueError(
                f"LatentClassObjective: {len(groups)} groups, but "
                f"head.num_classes={self.num_latent}; they must be equal"
            )
        group_of = {}
        for index, (name, members) in enumerate(groups.items()):
            for member in members:
                if member in group_of or member not in range(self.num_classes):
                    raise ValueError(
                        f"LatentClassObjective: class {member} of the group {name!r} "
                        "is in another group, too, or not one of 0.."
                        f"{self.num_classes - 1}"
                    )
                group_of[member] = index
        missing = [c for c in range(self.num_classes) if c not in group_of]
        if missing:
            raise ValueError(
                f"LatentClassObjective: the classes {missing} are in no group; the "
                f"groups are {list(groups)}"
            )
        return torch.tensor([group_of[c] for c in range(self.num_classes)])

    @property
    def reads(self) -> Sequence[str]:
        """Both views; only the labelled one if there is no consistency."""
        unlabeled = (self.unlabeled_branch,) if self.consistency_weight else ()
        return (self.labeled_branch, *unlabeled)

    def table(self) -> Tensor:
        """P(l|c), (C, L), rows sum to 1 (Eq. 9)."""
        return latent_given_class(self.cooccurrence)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Latent loss, consistency loss, and the number of latent classes in use."""
        labeled = step[self.labeled_branch]
        if labeled.labels.numel() < self.num_latent:
            raise ValueError(
                f"LatentClassObjective: head.num_classes={self.num_latent} latent "
                f"classes, but the batch of {labeled.name!r} has "
                f"{labeled.labels.numel()} pixels"
            )
        logits = self.latent_logits(step, labeled)
        counts = count_cooccurrence(
            _softmax(logits), labeled.labels, self.num_classes, step.ignore_index
        )
        counts = sum_of_processes(counts)
        self._average(counts.detach(), len(labeled.images))
        if self.group_of_class is None:
            loss = conditional_entropy(counts)  # Eq. 1
        else:
            loss = self._group_loss(logits, labeled.labels, step.ignore_index)
        losses = {"loss": self.weight * loss}
        if self.consistency_weight and not step.before(self.start):
            consistency = self.consistency(step, step[self.unlabeled_branch])
            losses["loss_consistency"] = self.consistency_weight * consistency
        return {**losses, **self.used()}

    def consistency(self, step: Step, view: View) -> Tensor:
        """Eq. 10 on the unlabelled view, scalar."""
        to_semantic = self.gradient_to == "semantic"
        with torch.set_grad_enabled(torch.is_grad_enabled() and not to_semantic):
            latent = _softmax(self.latent_logits(step, view))
        semantic = step.student(view).probs
        if not to_semantic:
            semantic = semantic.detach()
        return latent_consistency(latent, semantic, self.table(), view.valid)

    def latent_logits(self, step: Step, view: View) -> Tensor:
        """Logits of the latent classes on a view, (N, L, H, W)."""
        return self.latent_branch.full_logits(step.student(view))

    @torch.no_grad()
    def _average(self, counts: Tensor, images: int) -> None:
        # Eq. 8. It starts at 0; the resulting bias cancels in Eq. 9.
        rate: float | Tensor | None = self.update_rate
        if rate is None:
            rate = share_seen(images, labeled_images(), self.cooccurrence)
        self.cooccurrence.lerp_(counts.to(self.cooccurrence.dtype), rate)

    def _group_loss(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        known = labels != ignore_index
        groups = self.group_of_class[labels.masked_fill(~known, 0)]
        groups = groups.masked_fill(~known, ignore_index)
        return masked_cross_entropy(logits, groups, ignore_index)

    def used(self) -> dict[str, Tensor]:
        """Number of latent classes in use by the classes seen so far (Table 4)."""
        seen = self.cooccurrence.sum(dim=1, keepdim=True) > 0
        highest = (self.table() * seen).amax(dim=0)
        return {
            f"used@{t:g}": (highest > t).sum().to(highest.dtype)
            for t in self.used_above
        }

    @torch.no_grad()
    def latent_maps(self, segmentor: nn.Module, images: Tensor) -> Tensor:
        """The most probable latent class of each pixel, outside of training.

        Args:
            segmentor: The student, in evaluation mode.
            images: (N, 3, H, W), float, preprocessed.

        Returns:
            (N, H, W), int64, in 0..L-1.
        """
        output = SegOutput(segmentor, images, grad=False)
        return self.latent_branch.full_logits(output).argmax(dim=1)


def _softmax(logits: Tensor) -> Tensor:
    """Probabilities, at least in float32: autocast on a CPU would keep bfloat16."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return logits.softmax(dim=1, dtype=dtype)
