"""Consistency of the student on hard views with labels from easy views.

Tarvainen, Valpola: Mean teachers are better role models, NeurIPS 2017; French et al.:
Semi-supervised semantic segmentation needs strong, varied perturbations, BMVC 2020
(CutMix); Sohn et al.: FixMatch, NeurIPS 2020 (hard labels above a confidence); Ke et
al.: A Three-Stage Self-Training Framework, 2020, Eq. 1 (``threshold=0, mix='none'``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmseg.registry import MODELS
from torch import Tensor

from ..losses import selected_cross_entropy
from ..network_names import STUDENT, TEACHER
from ..policies.labels import build_source
from ..policies.mix import build_mix
from ..policies.select import build_select, check_weights
from ..step.joint_pass import perturbed
from ..step.step import Step
from ..step.view import View
from .base import Objective


class Target(NamedTuple):
    """The images, labels and weights that the student learns from.

    Attributes:
        view: The images.
        labels: (N, H, W), int64.
        weights: (N, H, W), bool, or float in 0..1: weight of each pixel.
        valid: (N, H, W), bool: the pixels over which the loss is averaged.
    """

    view: View
    labels: Tensor
    weights: Tensor
    valid: Tensor


@MODELS.register_module()
class ConsistencyObjective(Objective):
    """Trains the student on a hard view with the labels of the teacher on an easy one.

    The teacher's labels are warped by the geometry of the views. As in French et al.,
    the loss of pixels in which the teacher is not confident is 0, and the loss is the
    mean over all valid pixels.

    It publishes two maps of the student's view before mixing: ``confidence``, (N, 1, H,
    W), the teacher's highest probability; ``selection``, (N, 1, H, W), the weights.

    Args:
        weight: Weight of the loss.
        threshold: Least confidence of the teacher in a selected pixel, in 0..1.
        teacher_branch: View that the teacher sees.
        student_branch: View that the student sees.
        plain_branches: Views that both networks see without mixing; their pixels are
            part of the mean.
        network: Name of the network that learns.
        labels_from: Name of the network that gives the labels, or config of a label
            source (``NetworkLabels``, ``Ensemble``).
        select: Config of a selection in place of ``threshold``; or the name of an
            earlier objective whose selection is reused.
        mix: 'cutmix', 'none', or the config of a mixing policy (``CutMix``); images and
            labels are mixed alike.
        mix_share: For mix='cutmix', the least and greatest share of an image that the
            rectangle covers; None: 0.25 to 0.5.
        perturb: Config of a change of the student's features in front of the neck
            (``ChannelDropout``), or None.
        joint: Names of views that share one pass through the student with those above;
            empty: each has its own pass. Batch normalisation sees a pass as one batch.
        start: First iteration in which the loss counts.
        ramp: Number of iterations over which the weight then grows linearly from 0.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        weight: float = 1.0,
        threshold: float = 0.95,
        teacher_branch: str = "unlabeled",
        student_branch: str = "unlabeled_strong",
        plain_branches: Sequence[str] = (),
        network: str = STUDENT,
        labels_from: str | dict[str, Any] = TEACHER,
        select: str | dict[str, Any] | None = None,
        mix: str | dict[str, Any] | None = "cutmix",
        mix_share: tuple[float, float] | None = None,
        perturb: dict[str, Any] | None = None,
        joint: Sequence[str] = (),
        start: int = 0,
        ramp: int = 0,
    ) -> None:
        super().__init__()
        self.weight = weight
        self.teacher_branch = teacher_branch
        self.student_branch = student_branch
        self.plain_branches = tuple(plain_branches)
        self.network = network
        self.labels_from = build_source(labels_from)
        self.select = build_select(select, threshold)
        self.mix = build_mix(mix, mix_share)
        self.perturb = None if perturb is None else MODELS.build(perturb)
        self.joint = tuple(joint)
        self.start = start
        self.ramp = ramp

    @property
    def reads(self) -> Sequence[str]:
        """The views of both networks."""
        return (self.teacher_branch, self.student_branch, *self.plain_branches)

    @property
    def mixes(self) -> Sequence[str]:
        """The student's view, unless it stays unmixed."""
        return () if self.mix is None else (self.student_branch,)

    @property
    def needs(self) -> Sequence[str]:
        """The network that learns, and those that give labels."""
        return (self.network, *self.labels_from.networks)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of valid pixels that are selected."""
        if step.iteration < self.start:
            return {}
        hard = self.judge(step, self.teacher_branch, self.student_branch)
        share = hard.weights.sum() / hard.valid.sum().clamp(min=1)
        targets = [self.mixed(step, hard)]
        targets += [self.judge(step, name, name) for name in self.plain_branches]
        logits = self.predict(step, targets)
        loss = selected_cross_entropy(
            logits,
            [target.labels for target in targets],
            [target.weights for target in targets],
            [target.valid for target in targets],
            step.ignore_index,
            self.weight_at(step.iteration),
        )
        return {"loss": loss, "selected": share}

    def weight_at(self, iteration: int) -> float:
        """Weight of the loss in an iteration from ``start`` on."""
        progress = (iteration - self.start + 1) / max(self.ramp, 1)
        return self.weight * min(progress, 1.0)

    def judge(self, step: Step, seen: str, target: str) -> Target:
        """Labels from one view and their weights, at the pixels of another."""
        view = step[target]
        judgement = self.labels_from.judge(step, step[seen], view)
        weights = self.select(judgement, step)
        weights = check_weights(weights, judgement.labels, self.select)
        if target == self.student_branch:
            self.publish(step, "confidence", lambda: judgement.confidence.unsqueeze(1))
            self.publish(step, "selection", lambda: weights.unsqueeze(1))
        return Target(view, judgement.labels, weights, judgement.valid)

    def mixed(self, step: Step, target: Target) -> Target:
        """Mix the target; its images become a view of their own."""
        if self.mix is None:
            return target
        view, *maps = target
        mixing = self.mix.mixing(view.images, target.labels, target.weights)
        images, labels, weights, valid = map(mixing.apply, (view.images, *maps))
        name = f"{self.name}.mixed"
        mixed = View(name, images, ignore_index=step.ignore_index, valid=valid)
        return Target(step.add_view(mixed), labels, weights, valid)

    def predict(self, step: Step, targets: Sequence[Target]) -> list[Tensor]:
        """The learning network's logits for each target, (N, C, H, W)."""
        views = (target.view for target in targets)
        outputs = self.outputs(step, *views, network=self.network)
        if self.perturb is not None:
            outputs[0] = perturbed(outputs[0], self.perturb)
        return [output.class_logits for output in outputs]

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Confidence of the predictions."""
        return {"confidence": probs.amax(dim=1, keepdim=True)}
