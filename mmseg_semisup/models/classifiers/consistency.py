"""Losses of the multi-label classifier (Mittal 2019, Eq. 6)."""

from __future__ import annotations

import math

import torch
import torch.nn as nn
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..training_facts import check_time, iterations

LABEL_LOSSES = ("binary", "categorical")
KINDS = ("mse", "cosine")
LOSS_KEY = "label_loss_number"
"""Key in a ``state_dict``: number of the loss in :data:`LABEL_LOSSES`, unless 0."""
RAMPS = ("sigmoid", "linear")


def probabilities(logits: Tensor, kind: str) -> Tensor:
    """Probabilities of logits (N, C), in 0..1: sigmoid, or softmax if 'categorical'."""
    logits = logits.float()
    return logits.sigmoid() if kind == "binary" else logits.softmax(dim=1)


def register_label_loss(model: nn.Module, kind: str) -> None:
    """Store the kind of loss in a model's checkpoints, unless it is the default.

    Models with softmax and sigmoid have the same weights, so a checkpoint of one would
    load into the other.
    """
    number = LABEL_LOSSES.index(kind)
    if number > 0:
        model.register_buffer(LOSS_KEY, torch.tensor(number))


def label_loss(logits: Tensor, labels: Tensor, kind: str = "binary") -> Tensor:
    """Loss of labelled images; a scalar, the mean over images.

    Args:
        logits: (N, C), float.
        labels: (N, C), float, 0 or 1.
        kind: 'binary': cross-entropy of each class's sigmoid, the mean over classes.
            'categorical': the first term of Eq. 6, with a softmax; the loss of images
            without a class is 0.
    """
    logits = logits.float()
    if kind == "binary":
        return F.binary_cross_entropy_with_logits(logits, labels)
    return -(labels * logits.log_softmax(dim=1)).sum(dim=1).mean()


def consistency_loss(
    student: Tensor, teacher: Tensor, kind: str = "mse", activation: str = "binary"
) -> Tensor:
    """Distance of the student's outputs from the teacher's; a scalar.

    Args:
        student: Logits (N, C), float.
        teacher: Logits (N, C), float; no gradient reaches them.
        kind: 'mse': squared difference of the probabilities (Eq. 6), the mean over
            images and classes. 'cosine': 1 minus the cosine between the logits, the
            mean over images, as in the published code.
        activation: See :func:`probabilities`.
    """
    teacher = teacher.detach()
    if kind == "mse":
        return F.mse_loss(
            probabilities(student, activation), probabilities(teacher, activation)
        )
    return 1 - F.cosine_similarity(student.float(), teacher.float(), dim=1).mean()


class LabelConsistency(nn.Module):
    """Schedule, branches and weight of the consistency of student and teacher.

    Args:
        weight: Factor of the loss after the ramp.
        kind: 'mse' or 'cosine', see :func:`consistency_loss`.
        branches: Branches that the student sees; those that the batch lacks are left
            out.
        teacher_suffix: Ending that makes the name of the view that the teacher sees.
        start: Time before the first iteration that counts.
        ramp: Time over which the weight then grows.
        ramp_shape: 'sigmoid': exp(-5 (1 - t)^2), t from 0 to 1 (Tarvainen 2017);
            'linear': t.
        run_before_start: Whether both networks see the branches while the loss does not
            count yet, too, so that the running statistics of their norm layers include
            these images, as in the published code.
        statistics_views: Views that the teacher sees for its running statistics alone,
            before those of its targets; its ``norm`` must be 'own'. The published code
            shows it the labelled images.

    Raises:
        ValueError: If an argument is not allowed.
    """

    def __init__(
        self,
        weight: float = 1.0,
        kind: str = "mse",
        branches: tuple[str, ...] = ("labeled", "weak", "unlabeled"),
        teacher_suffix: str = "_teacher",
        start: float = 0,
        ramp: float = 0,
        ramp_shape: str = "sigmoid",
        run_before_start: bool = False,
        statistics_views: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"consistency.kind={kind!r}; allowed: {KINDS}")
        if ramp_shape not in RAMPS:
            raise ValueError(f"consistency.ramp_shape={ramp_shape!r}; allowed: {RAMPS}")
        if weight < 0:
            raise ValueError(f"consistency: weight={weight}; allowed: 0 and more")
        check_time("consistency.start", start)
        check_time("consistency.ramp", ramp)
        self.weight = weight
        self.kind = kind
        self.branches = tuple(branches)
        self.teacher_suffix = teacher_suffix
        self.start = start
        self.ramp = ramp
        self.ramp_shape = ramp_shape
        self.run_before_start = run_before_start
        self.statistics_views = tuple(statistics_views)

    def weight_at(self, iteration: int) -> float:
        """Factor of the loss in an iteration, counted from 0."""
        start, ramp = iterations(self.start), iterations(self.ramp)
        if iteration < start:
            return 0.0
        progress = 1.0
        if ramp:
            progress = min((iteration - start) / ramp, 1.0)
        if self.ramp_shape == "sigmoid":
            return self.weight * math.exp(-5 * (1 - progress) ** 2)
        return self.weight * progress

    def forward(
        self, student: Tensor, teacher: Tensor, iteration: int, activation: str
    ) -> Tensor:
        """The weighted loss of logits (N, C); a scalar."""
        loss = consistency_loss(student, teacher, self.kind, activation)
        return self.weight_at(iteration) * loss
