"""Learns the student's own predictions where a confidence is high.

Hung et al., BMVC 2018, https://arxiv.org/abs/1802.07934, Eq. 5.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..losses import masked_cross_entropy
from ..step.step import Step
from ..training_facts import check_time
from .base import Objective


@MODELS.register_module()
class SelfTaughtObjective(Objective):
    """Cross-entropy with the own argmax, on pixels of high confidence (Eq. 5).

    The confidence is published by an earlier objective. The loss is the mean over the
    selected pixels, or zero without any.

    Args:
        weight: lambda_semi.
        threshold: T_semi, in 0..1; pixels whose confidence exceeds it are selected.
        start: Time from which on the loss counts.
        branch: View to learn from, to which the published confidence belongs.
        confidence: Name of the published map, ``objective.confidence`` if several
            objectives publish one.

    Raises:
        ValueError: If the threshold is out of its range.
    """

    def __init__(
        self,
        weight: float = 0.1,
        threshold: float = 0.2,
        start: float = 5000,
        branch: str = "unlabeled",
        confidence: str = "confidence",
    ) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(
                f"SelfTaughtObjective: threshold={threshold}; allowed: 0 to 1"
            )
        self.weight = weight
        self.threshold = threshold
        check_time(f"{type(self).__name__}.start", start)
        self.start = start
        self.branch = branch
        self.confidence = confidence

    @property
    def reads(self) -> Sequence[str]:
        """The view to learn from."""
        return (self.branch,)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of valid pixels that were selected."""
        if step.before(self.start) or self.weight == 0:
            return {}
        view = step[self.branch]
        (output,) = self.outputs(step, view)
        with torch.no_grad():
            confidence = step.signal(self.confidence).squeeze(1)
            if confidence.shape[1:] != view.valid.shape[1:]:
                raise ValueError(
                    f"{self.name}: the map {self.confidence!r} is "
                    f"{tuple(confidence.shape[1:])}, but the images of {view.name!r} "
                    f"are {view.size}; name a map of their size, e.g. that of an "
                    "AdversarialObjective"
                )
            selected = (confidence > self.threshold) & view.valid
            pseudo = output.class_logits.argmax(dim=1)
            pseudo = pseudo.masked_fill(~selected, step.ignore_index)
        loss = masked_cross_entropy(output.class_logits, pseudo, step.ignore_index)
        return {
            "loss": self.weight * loss,
            "selected": selected.sum() / view.valid.sum().clamp(min=1),
        }
