"""Teaches the lesson of another objective once more, with other labels.

Shin et al., Revisiting and Maximizing Temporal Knowledge in Semi-supervised Semantic
Segmentation (PrevMatch), WACV 2026, https://arxiv.org/abs/2405.20610, section 3: the
student learns the strong views from its own labels, and from those of earlier students.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ..policies.labels import build_source
from ..policies.lesson import Labelling, taught
from ..policies.select import build_select
from ..step.step import Step
from ..training_facts import check_time
from .base import Objective


@MODELS.register_module()
class FurtherLabelsObjective(Objective):
    """The loss of another objective, with labels of another source.

    The images, how they are mixed and the student's predictions are those of the other
    objective: the student does not run again. As long as no network can give labels,
    and before the other objective starts, there is no loss.

    Args:
        of: Name of the other objective, which comes earlier and learns from labels.
        labels_from: Name of the network that gives the labels, or config of a label
            source (``Ensemble``).
        weight: Greatest weight of the loss: lambda.
        threshold: Least confidence of a selected pixel, in 0..1.
        select: Config of a selection in place of ``threshold`` (``MeanConfidence``).
        peak: Share of the training over which the weight grows linearly from 0, after
            which it falls linearly to 0 at the end; None: it is constant.
        start: Time from which on the loss counts.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        of: str,
        labels_from: str | dict[str, Any],
        weight: float = 1.0,
        threshold: float = 0.9,
        select: dict[str, Any] | None = None,
        peak: float | None = None,
        start: float = 0,
    ) -> None:
        super().__init__()
        check_time("FurtherLabelsObjective.start", start)
        if peak is not None and not 0 < peak < 1:
            raise ValueError(
                f"FurtherLabelsObjective: peak={peak}; allowed: a share of the "
                "training, above 0 and below 1, or None"
            )
        self.of = of
        self.labels_from = build_source(labels_from)
        self.weight = weight
        self.select = build_select(select, threshold)
        self.peak = peak
        self.start = start

    @property
    def needs(self) -> Sequence[str]:
        """The networks that give labels."""
        return self.labels_from.networks

    @property
    def follows(self) -> Sequence[str]:
        """The other objective."""
        return (self.of,)

    def weight_in(self, step: Step) -> float:
        """The weight of an iteration, 0 if there is no loss."""
        waits = taught(step, self.of) is None or not self.labels_from.ready(step)
        if waits or step.before(self.start):
            return 0.0
        if self.peak is None:
            return self.weight
        rising = step.progress / self.peak
        falling = (1 - step.progress) / (1 - self.peak)
        return self.weight * min(rising, falling)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of valid pixels that are selected."""
        lesson = taught(step, self.of)
        ready = self.labels_from.ready(step) and not step.before(self.start)
        if lesson is None or not ready:
            return {}
        by = Labelling(self.labels_from, self.select, self.labels_from)
        targets = lesson.targets(by)
        first = targets[0]
        share = (first.weights > 0).sum() / first.valid.sum().clamp(min=1)
        loss = self.weight_in(step) * lesson.loss(targets)
        return {"loss": loss, "selected": share}
