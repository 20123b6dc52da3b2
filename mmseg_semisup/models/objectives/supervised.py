"""The segmentor's own losses on images of a further source, e.g. with pseudo-masks.

Yang et al., ST++: Make Self-training Work Better for Semi-supervised Semantic
Segmentation, CVPR 2022, https://arxiv.org/abs/2106.05095, section 3.1: labelled images
and images with pseudo-masks train one network alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor

from ..step.step import Step
from ..training_facts import check_time
from .base import Objective


@MODELS.register_module()
class SupervisedObjective(Objective):
    """Trains the student on the masks of a view, as on those of labelled images.

    Its losses have the names of the segmentor's, e.g. ``pseudo.decode.loss_ce``.

    Args:
        branch: View whose samples carry masks.
        weight: Weight of the losses.
        joint: Names of views that share one pass through the student with it; empty: it
            has its own. Batch normalisation sees a pass as one batch.
        start: Time from which on the losses count.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        branch: str = "pseudo",
        weight: float = 1.0,
        joint: Sequence[str] = (),
        start: float = 0,
    ) -> None:
        super().__init__()
        if weight < 0:
            raise ValueError(
                f"SupervisedObjective: weight={weight}; allowed: 0 or more"
            )
        check_time("SupervisedObjective.start", start)
        self.branch = branch
        self.weight = weight
        self.joint = tuple(joint)
        self.start = start

    @property
    def reads(self) -> Sequence[str]:
        """The view."""
        return (self.branch,)

    def weight_in(self, step: Step) -> float:
        """The weight, from the start on."""
        return 0.0 if step.before(self.start) else self.weight

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The segmentor's losses and figures."""
        if step.before(self.start):
            return {}
        view = step[self.branch]
        (output,) = self.outputs(step, view)
        found = output.supervised_loss(view.samples)
        return {k: self.weight * v if "loss" in k else v for k, v in found.items()}
