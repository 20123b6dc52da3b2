"""Confidence thresholds that follow the predictions, one for each class.

Zhang et al., FlexMatch, NeurIPS 2021, https://arxiv.org/abs/2110.08263; Wang et al.,
FreeMatch, ICLR 2023, https://arxiv.org/abs/2205.07246. Both are for the classification
of images; here a pixel takes the place of an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_semisup.core.histogram import histogram

from ..reduce import share_seen
from ..step.step import Step
from ..training_facts import images_of
from .labels import Judgement
from .select import Select

MAPPINGS = ("convex", "linear")


class ClassThreshold(Select):
    """Base of the policies with a threshold for each class.

    The state moves once a step, with the first judgement that the step asks for.

    Args:
        num_classes: C; the segmentor's, if the config states none.
    """

    takes: ClassVar[Mapping[str, str]] = {"num_classes": "num_classes"}

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        if num_classes < 1:
            raise ValueError(
                f"{type(self).__name__}: num_classes={num_classes}; allowed: 1 or more"
            )
        self.num_classes = num_classes

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """The selected pixels, (N, H, W), bool."""
        level = step.once((id(self), "level"), lambda: self.update(judgement))
        least = level[class_indices(judgement)]
        return judgement.valid & (judgement.confidence >= least)

    def update(self, judgement: Judgement) -> Tensor:
        """Move the state by the predictions of a step.

        Args:
            judgement: Labels and confidence at the pixels of a view.

        Returns:
            The thresholds of the step, (C,), float, in 0..1.
        """
        raise NotImplementedError


@MODELS.register_module()
class CurriculumThreshold(ClassThreshold):
    """Lower thresholds for the classes of which few pixels are confident (FlexMatch).

    The learning status of class c, Eq. 5, is the share of pixels that have it as their
    label with a confidence of at least tau, in the last prediction of every image:

        sigma(c) = 1/P sum_p 1[max q_p >= tau] 1[argmax q_p = c]

    The last predictions are not stored, as crops differ: a step with B of N images
    replaces the share B/N of them, so that

        sigma <- (1 - B/N) sigma + B/N (the same over the valid pixels of the step).

    Pixels of images not seen yet count as not used. The thresholds are (Eqs. 6, 11
    and 12)

        T(c) = tau M(sigma(c) / max(max_c' sigma(c'), 1 - sum_c' sigma(c')))

    with M(x) = x / (2 - x), or x (Eq. 7). They are those of the steps before, and
    begin with 0: at first, every pixel is learnt.

    Args:
        num_classes: C; the segmentor's, if the config states none.
        threshold: tau, in 0..1; no threshold of a class is above it.
        mapping: M: 'convex', the paper's choice, or 'linear'.
        warm_up: Whether pixels that are not used lower the thresholds (Eq. 11).
        images: N, the number of unlabelled images; None: that of the training data.

    Raises:
        ValueError: If an argument is out of its range.
    """

    status: Tensor

    def __init__(
        self,
        num_classes: int,
        threshold: float = 0.95,
        mapping: str = "convex",
        warm_up: bool = True,
        images: int | None = None,
    ) -> None:
        super().__init__(num_classes)
        if not 0 <= threshold <= 1:
            raise ValueError(
                f"CurriculumThreshold: threshold={threshold}; allowed: 0 to 1"
            )
        if mapping not in MAPPINGS:
            raise ValueError(
                f"CurriculumThreshold: mapping={mapping!r}; allowed: {MAPPINGS}"
            )
        if images is not None and images < 1:
            raise ValueError(
                f"CurriculumThreshold: images={images}; allowed: 1 or more, or None"
            )
        self.threshold = threshold
        self.mapping = mapping
        self.warm_up = warm_up
        self.images = images
        self.register_buffer("status", torch.zeros(num_classes))

    @property
    def level(self) -> Tensor:
        """T(c), (C,), float."""
        most = self.status.max()
        if self.warm_up:
            most = torch.maximum(most, 1 - self.status.sum())
        share = self.status / most.clamp(min=torch.finfo(most.dtype).tiny)
        if self.mapping == "convex":
            share = share / (2 - share)
        return self.threshold * share

    @torch.no_grad()
    def update(self, judgement: Judgement) -> Tensor:
        """The thresholds before this step; then move the learning status."""
        level = self.level
        valid = judgement.valid
        confident = valid & (judgement.confidence >= self.threshold)
        numbers = class_indices(judgement).masked_fill(~confident, self.num_classes)
        counts = histogram(numbers, self.num_classes + 1)[: self.num_classes]
        found = torch.cat([counts.to(level), valid.sum()[None].to(level)])
        all_reduce(found)
        if self.images is None:
            # Kept, because the replay of a failed step sees the batch alone.
            self.images = images_of(judgement.seen.name)
        rate = share_seen(len(judgement.seen), self.images, self.status)
        move(self.status, found[:-1], found[-1], rate)
        return level


@MODELS.register_module()
class SelfAdaptiveThreshold(ClassThreshold):
    """Thresholds that rise with the confidence of the network (FreeMatch, section 3).

    Over the valid pixels p of the images of a step, with momentum m (Eqs. 5, 6 and 8):

        tau    <- m tau + (1 - m) mean_p max_c q_p(c)        from 1/C
        p~(c)  <- m p~(c) + (1 - m) mean_p q_p(c)            from 1/C
        tau(c) =  tau p~(c) / max_c' p~(c')

    A pixel is selected if its confidence is at least the tau(c) of its label, those
    that this step has moved. The paper's fairness loss is not part of it.

    Args:
        num_classes: C; the segmentor's, if the config states none.
        momentum: m, in 0..1; called lambda in the paper.

    Raises:
        ValueError: If an argument is out of its range.
    """

    confidence: Tensor
    shares: Tensor

    def __init__(self, num_classes: int, momentum: float = 0.999) -> None:
        super().__init__(num_classes)
        if not 0 <= momentum < 1:
            raise ValueError(
                f"SelfAdaptiveThreshold: momentum={momentum}; allowed: 0 to below 1"
            )
        self.momentum = momentum
        self.register_buffer("confidence", torch.tensor(1 / num_classes))
        self.register_buffer("shares", torch.full((num_classes,), 1 / num_classes))

    @property
    def level(self) -> Tensor:
        """tau(c), (C,), float."""
        return self.confidence * self.shares / self.shares.max()

    @torch.no_grad()
    def update(self, judgement: Judgement) -> Tensor:
        """Move the state, and return the thresholds that follow from it."""
        valid = judgement.valid.to(self.shares)
        confidence = (judgement.confidence * valid).sum()
        shares = torch.einsum("nchw,nhw->c", judgement.probs.to(valid), valid)
        found = torch.cat([confidence[None], valid.sum()[None], shares])
        all_reduce(found)
        rate = 1 - self.momentum
        move(self.confidence, found[0], found[1], rate)
        move(self.shares, found[2:], found[1], rate)
        return self.level


def class_indices(judgement: Judgement) -> Tensor:
    """Label of each pixel, (N, H, W), int64, in 0..C-1; 0 where none is valid."""
    return judgement.labels.masked_fill(~judgement.valid, 0)


def move(average: Tensor, sums: Tensor, count: Tensor, rate: float | Tensor) -> None:
    """Move an average in place towards a mean; without any pixel, it stays.

    Args:
        average: Of any shape, float.
        sums: Sums over pixels, of the same shape.
        count: Number of pixels, a scalar.
        rate: Weight of the mean, in 0..1.
    """
    mean = sums / count.clamp(min=1)
    average.lerp_(torch.where(count > 0, mean, average), rate)
