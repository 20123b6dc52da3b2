"""Learning from one's own predictions where they can be trusted.

Hung et al., BMVC 2018, https://arxiv.org/abs/1802.07934, Eq. 5.
"""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..losses import masked_cross_entropy
from ..segmentors.step import Step
from .base import NetworkPass, Objective


@MODELS.register_module()
class SelfTaughtObjective(Objective):
    """Cross-entropy towards the own argmax, on pixels with enough confidence (Eq. 5).

    The confidence is what an objective before this one publishes. The loss is the mean
    over the selected pixels; a step that selects none gives zero.

    Args:
        weight: lambda_semi.
        threshold: T_semi, in 0..1; pixels whose confidence exceeds it are selected.
        start: Iteration from which on the loss counts.
        branch: Branch to learn from; the published confidence must be of it.
    """

    def __init__(
        self,
        weight: float = 0.1,
        threshold: float = 0.2,
        start: int = 5000,
        branch: str = "unlabeled",
    ) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(
                f"SelfTaughtObjective: threshold={threshold}; allowed: 0 to 1"
            )
        self.weight = weight
        self.threshold = threshold
        self.start = start
        self.branch = branch

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of valid pixels that were selected."""
        if step.iteration < self.start or self.weight == 0:
            return {}
        output = step.student(self.branch)
        valid = step.valid(self.branch)
        with torch.no_grad():
            trusted = step.signal("confidence").squeeze(1) > self.threshold
            selected = trusted & valid
            pseudo = output.full_logits.argmax(dim=1)
            pseudo = pseudo.masked_fill(~selected, step.ignore_index)
        loss = masked_cross_entropy(output.full_logits, pseudo, step.ignore_index)
        return {
            f"{self.branch}.loss_semi": self.weight * loss,
            f"{self.branch}.selected": selected.sum() / valid.sum().clamp(min=1),
        }

    def passes(self) -> list[NetworkPass]:
        """The student; the confidence is what another objective needs anyway."""
        return [NetworkPass("student", self.branch, "weights")] if self.weight else []
