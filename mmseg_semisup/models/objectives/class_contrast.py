"""Contrast of each class with pixels that are unlikely to belong to it (U2PL).

Wang, Wang, Shen, Fei, Li, Jin, Wu, Zhao, Le: Semi-Supervised Semantic Segmentation
Using Unreliable Pseudo-Labels, CVPR 2022, https://arxiv.org/abs/2203.03884, section
3.2. The authors' code: https://github.com/Haochen-Wang409/U2PL. Its differences from
the paper are arguments here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmseg.registry import MODELS
from torch import Tensor

from ..build import check_arguments
from ..class_memory import ClassMemory, draw_members, spread_members
from ..heads.projector import Projector
from ..losses import class_contrast
from ..network_names import TEACHER
from ..policies.entropy import check_share, masked_quantile, pixel_entropy
from ..step.feature_positions import (
    at_least_float32,
    feature_probs,
    nearest,
    pick,
    rows_of,
)
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..step.view import View
from ..training_facts import check_time
from .base import Objective

CHOICES: dict[str, tuple[str, str]] = {
    "anchors": ("reliable", "lowest"),
    "positives": ("anchors", "labels"),
    "negatives": ("unlikely", "own_label"),
    "order": ("class", "position"),
}
"""Argument to the paper's way and that of the authors' code."""


class Pixels(NamedTuple):
    """The features of a view, and what the teacher says of them.

    Attributes:
        classes: (P,), int64: ground truth or pseudo-label, or the ignored label.
        probs: (P, C), float, the teacher's probabilities, in 0..1.
        labeled: Whether the labels are ground truth.
        reliable: (P,), bool: valid, and of low entropy where labels are the teacher's.
        unreliable: (P,), bool: valid, and of high entropy; with ground truth, all.
    """

    classes: Tensor
    probs: Tensor
    labeled: bool
    reliable: Tensor
    unreliable: Tensor


class Roles(NamedTuple):
    """What each pixel is to each class.

    Attributes:
        members: (C, P), bool: reliable pixels of the class.
        anchors: (C, P), bool: those whose probability is sufficient.
        negatives: (C, P), bool: pixels that are unlikely to belong to the class.
    """

    members: Tensor
    anchors: Tensor
    negatives: Tensor


@MODELS.register_module()
class ClassContrastObjective(Objective):
    """Pulls pixels of a class together, and away from pixels that are not of it.

    Anchors are the student's features of reliable pixels; the positive of a class is
    the mean of the teacher's features; negatives are drawn from a memory of each class,
    which keeps the teacher's features of two kinds of pixels (Eqs. 14 to 16): labelled
    ones of another class that the teacher mistakes for it, whose rank of the class is
    below ``ranks[0]``; and unreliable ones whose rank is in ``ranks``, so that they
    are probably of another class.

    With few classes, the first rank is at most ``C - 1``, so that the least probable
    class of an unreliable pixel is always in the range: 1 for two classes, as the
    authors advise.

    The memory holds vectors of all processes, the same in each. Entropy percentiles,
    positives and anchors are those of each process's images. A class without anchors,
    or whose memory is empty, has no loss.

    Args:
        in_channels: Channels of the embedding in front of the classifier.
        num_classes: Number of classes.
        projector: Further arguments of :class:`Projector`, whose average judges like
            the teacher; None: the embedding is compared without a projection.
        weight: lambda_c.
        unreliable: alpha_0, the share of unreliable pixels at the start, in 0..1, which
            falls linearly to 0 at the end (section 3.3).
        threshold: delta_p, which the teacher's probability of an anchor's class
            exceeds.
        ranks: First and last but one rank r_l, r_h of unlikely classes, counted from 0,
            the most probable one.
        num_anchors: M, the number of anchors of each class.
        num_negatives: N, the number of negatives of each anchor.
        temperature: tau.
        memory_size: Greatest number of vectors of each class in the memory.
        new_negatives: Greatest number of vectors of each class that a step of all
            processes adds, evenly spread; None: all.
        anchors: 'reliable': unlabelled anchors are the pixels that are not unreliable
            (Eqs. 10 and 11); 'lowest': as many as unreliable ones, of lowest entropy,
            as in the authors' code.
        positives: 'anchors': the positive is the mean over all that may be anchors (Eq.
            12); 'labels': whatever their probability, as in the authors' code.
        negatives: 'unlikely', see above; 'own_label': unreliable pixels whose own label
            the class is, although its rank is in the range, and no labelled ones, as in
            the authors' code (its issue 171).
        order: 'class': a class's anchors meet its own memory; 'position': those of
            class i meet the memory of the i-th class in the batch, and classes from the
            number of those on have no anchors, as in the authors' code (its issue 111).
        of: Name of an earlier objective whose mixed images and labels are contrasted
            (``ConsistencyObjective``); None: the images of ``branch``, with the
            teacher's labels.
        branch: Unlabelled images, without ``of``.
        labeled_branch: Images with masks.
        joint: Names of views that share one pass through each network with the
            unlabelled images; empty: each has its own pass.
        start: Time from which on the loss counts.

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
        projector: dict[str, Any] | None,
        weight: float = 0.1,
        unreliable: float = 0.2,
        threshold: float = 0.3,
        ranks: tuple[int, int] = (3, 20),
        num_anchors: int = 256,
        num_negatives: int = 50,
        temperature: float = 0.5,
        memory_size: int = 30_000,
        new_negatives: int | None = 1000,
        anchors: str = "reliable",
        positives: str = "anchors",
        negatives: str = "unlikely",
        order: str = "class",
        of: str | None = None,
        branch: str = "unlabeled",
        labeled_branch: str = "labeled",
        joint: Sequence[str] = (),
        start: float = 0,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        chosen = dict(
            anchors=anchors, positives=positives, negatives=negatives, order=order
        )
        for key, value in chosen.items():
            if value not in CHOICES[key]:
                raise ValueError(f"{name}: {key}={value!r}; allowed: {CHOICES[key]}")
        ranges: dict[str, tuple[Any, bool, str]] = {
            "threshold": (threshold, 0 <= threshold <= 1, "0 to 1"),
            "ranks": (ranks, 1 <= ranks[0] < ranks[1], "1 <= first < end"),
            "num_anchors": (num_anchors, num_anchors >= 1, "1 or more"),
            "num_negatives": (num_negatives, num_negatives >= 1, "1 or more"),
            "temperature": (temperature, temperature > 0, "above 0"),
            "new_negatives": (
                new_negatives,
                new_negatives is None or new_negatives >= 1,
                "1 or more, or None for all",
            ),
        }
        for key, (number, holds, allowed) in ranges.items():
            if not holds:
                raise ValueError(f"{name}: {key}={number!r}; allowed: {allowed}")
        check_share(name, unreliable)
        check_time(f"{name}.start", start)
        self.projector = self.average = None
        channels = in_channels
        if projector is not None:
            projector = {"in_channels": in_channels, **projector}
            check_arguments(Projector, projector, "projector")
            self.projector = Projector(**projector)
            self.average = copy.deepcopy(self.projector).requires_grad_(False)
            channels = self.projector.out_channels
        self.memory = ClassMemory(num_classes, memory_size, channels)
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.weight = weight
        self.unreliable = unreliable
        self.threshold = threshold
        self.first_rank = min(ranks[0], max(num_classes - 1, 1))
        self.end_rank = ranks[1]
        self.num_anchors = num_anchors
        self.num_negatives = num_negatives
        self.temperature = temperature
        self.new_negatives = new_negatives
        self.anchors = anchors
        self.positives = positives
        self.negatives = negatives
        self.order = order
        self.of = of
        self.branch = branch
        self.labeled_branch = labeled_branch
        self.joint = tuple(joint)
        self.start = start

    @property
    def reads(self) -> Sequence[str]:
        """The labelled view, and the unlabelled one that no objective has mixed."""
        return (self.labeled_branch, *([] if self.of else [self.branch]))

    @property
    def needs(self) -> Sequence[str]:
        """The teacher."""
        return (TEACHER,)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of the classes in the batch that have one."""
        if step.before(self.start):
            return {"loss": self.zero_loss()}
        views = [step[self.labeled_branch], self.unlabeled(step)]
        student = self.outputs(step, *views)
        teacher = self.outputs(step, *views, network=TEACHER)
        share = self.unreliable * (1 - step.progress)
        with torch.no_grad():
            parts = [
                self.labeled_pixels(views[0], teacher[0]),
                self.unlabeled_pixels(step, views[1], teacher[1], share),
            ]
            found = zip(*(self.roles(part) for part in parts), strict=True)
            roles = Roles(*(torch.cat(masks, dim=1) for masks in found))
            keys = torch.cat([self.features(output) for output in teacher])
            self.remember(keys, roles.negatives)
            positives = self.means(keys, roles)
            memories, present = self.memories(roles.members)
            filled = self.memory.counts[memories] > 0
            active = present & roles.anchors.any(dim=1) & filled
            drawn = draw_members(roles.anchors, self.num_anchors)
            negatives = self.memory.draw(memories, self.num_anchors, self.num_negatives)
        anchors = self.project(pick([o.embedding for o in student], drawn.flatten()))
        losses = class_contrast(
            anchors.view(*drawn.shape, -1), positives, negatives, self.temperature
        )
        loss = torch.where(active, losses.mean(dim=1), 0).sum()
        classes = present.sum().clamp(min=1)
        return {
            "loss": self.weight * loss / classes,
            "contrasted": active.sum() / classes,
        }

    def unlabeled(self, step: Step) -> View:
        """The unlabelled view, as an earlier objective has mixed it or as it is."""
        if self.of is None:
            return step[self.branch]
        name = f"{self.of}.mixed"
        if name not in step:
            raise ValueError(
                f"objectives.{self.name}.of={self.of!r}, but no objective of that "
                "name has mixed images in this step; put it first, with a `mix` and no "
                "later `start`, or set of=None and `branch`"
            )
        return step[name]

    def labeled_pixels(self, view: View, output: SegOutput) -> Pixels:
        """The pixels with ground truth, at the features' positions."""
        size = output.embedding.shape[-2:]
        valid = nearest(view.valid, size).flatten()
        classes = nearest(view.labels, size).flatten()
        return Pixels(classes, feature_probs(output), True, valid, valid)

    def unlabeled_pixels(
        self, step: Step, view: View, output: SegOutput, share: float
    ) -> Pixels:
        """The pixels with pseudo-labels, at the features' positions.

        Args:
            step: The step.
            view: The view.
            output: The teacher's outputs on it.
            share: alpha_t.
        """
        size, valid = output.embedding.shape[-2:], view.valid
        if self.of is None:
            classes = output.labels
        else:
            classes = step.signal(f"{self.of}.mixed_labels").squeeze(1)
        entropy = pixel_entropy(output.probs)
        high = entropy > masked_quantile(entropy, valid, 1 - share)
        low = ~high
        if self.anchors == "lowest":
            low = entropy <= masked_quantile(entropy, valid, share)
        reliable, unreliable = (
            nearest(mask & valid, size).flatten() for mask in (low, high)
        )
        classes = nearest(classes, size).flatten()
        return Pixels(classes, feature_probs(output), False, reliable, unreliable)

    def roles(self, pixels: Pixels) -> Roles:
        """What the pixels of a view are to each class."""
        numbers = torch.arange(self.num_classes, device=pixels.classes.device)
        own = pixels.classes == numbers.unsqueeze(1)
        probs = pixels.probs.t()
        members = own & pixels.reliable
        ranks = probs.argsort(dim=0, descending=True).argsort(dim=0)  # Eq. 13
        unlikely = (ranks >= self.first_rank) & (ranks < self.end_rank)
        if self.negatives == "own_label":
            negatives = own & unlikely & pixels.unreliable & (not pixels.labeled)
        elif pixels.labeled:
            negatives = ~own & (ranks < self.first_rank) & pixels.unreliable  # Eq. 14
        else:
            negatives = unlikely & pixels.unreliable  # Eq. 15
        return Roles(members, members & (probs > self.threshold), negatives)

    def remember(self, keys: Tensor, negatives: Tensor) -> None:
        """Add negatives of all processes to the memory.

        Args:
            keys: (P, D), float, the teacher's features.
            negatives: (C, P), bool.
        """
        count = self.memory.capacity
        if self.new_negatives is not None:
            count = min(count, -(-self.new_negatives // get_world_size()))
        # As many in each process, whatever the number of its images.
        chosen, kept = spread_members(negatives, count)
        self.memory.push(F.normalize(keys[chosen], dim=2), kept)

    def means(self, keys: Tensor, roles: Roles) -> Tensor:
        """The positive of each class, (C, D), of length 1, or 0 without any."""
        mask = roles.anchors if self.positives == "anchors" else roles.members
        with torch.autocast(keys.device.type, enabled=False):
            return F.normalize(mask.to(keys.dtype) @ keys, dim=1)

    def memories(self, members: Tensor) -> tuple[Tensor, Tensor]:
        """The class whose memory each class meets, (C,), and whether it has a place.

        Args:
            members: (C, P), bool.

        Returns:
            (C,), int64; and (C,), bool: the classes that count.
        """
        present = members.any(dim=1)
        numbers = torch.arange(len(present), device=present.device)
        if self.order == "class":
            return numbers, present
        ordered = present.byte().argsort(descending=True, stable=True)
        return ordered, numbers < present.sum()

    def features(self, output: SegOutput) -> Tensor:
        """The teacher's features, (P, D), float."""
        embedding = output.embedding
        if self.average is not None:
            embedding = self.average(embedding)
        return at_least_float32(rows_of(embedding))

    def project(self, rows: Tensor) -> Tensor:
        """The student's features of some pixels, (A, D), float, of length 1.

        Args:
            rows: (A, in_channels), float, their embedding.
        """
        if self.projector is not None:
            rows = self.projector(rows[:, :, None, None])[:, :, 0, 0]
        return F.normalize(at_least_float32(rows), dim=1)

    @torch.no_grad()
    def follow(self, momentum: float) -> None:
        """Move the average of the projector as the teacher has moved."""
        if self.projector is not None and self.average is not None:
            current = self.projector.parameters()
            for own, new in zip(self.average.parameters(), current, strict=True):
                own.lerp_(new, 1 - momentum)
