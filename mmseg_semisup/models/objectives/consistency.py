"""Consistency of the student on hard views with labels from easy views.

Tarvainen, Valpola: Mean teachers are better role models, NeurIPS 2017; French et al.:
Semi-supervised semantic segmentation needs strong, varied perturbations, BMVC 2020
(CutMix); Sohn et al.: FixMatch, NeurIPS 2020 (hard labels above a confidence); Ke et
al.: A Three-Stage Self-Training Framework, 2020, Eq. 1 (``threshold=0, mix='none'``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mmseg.registry import MODELS
from torch import Tensor

from ..network_names import STUDENT, TEACHER
from ..policies.labels import build_source
from ..policies.lesson import Labelling, Lesson, teach
from ..policies.mix import build_mix
from ..policies.mixing import Target
from ..policies.pixel_loss import build_loss
from ..policies.select import Select, build_select, check_weights
from ..step.joint_pass import perturbed
from ..step.step import Step
from ..training_facts import check_time, iterations
from .base import Objective

PIXELS = ("valid", "all")


@MODELS.register_module()
class ConsistencyObjective(Objective):
    """Trains the student on a hard view with the labels of the teacher on an easy one.

    The teacher's labels are warped by the geometry of the views. As in French et al.,
    the loss of pixels in which the teacher is not confident is 0, and the loss is the
    mean over all valid pixels.

    It publishes two maps of the student's view before mixing: ``confidence``, (N, 1, H,
    W), the teacher's highest probability; ``selection``, (N, 1, H, W), the weights. And
    one after it: ``mixed_labels``, (N, 1, H, W), int64, the labels of all valid pixels,
    whatever their weights, of the view ``NAME.mixed``.

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
        select: Config of a selection in place of ``threshold`` (``ConfidentShare``,
            ``CurriculumThreshold``, ``SelfAdaptiveThreshold``); or the name of an
            earlier objective whose selection is reused.
        mix: 'cutmix', 'none', or the config of a mixing policy (``CutMix``,
            ``AdaptiveCutMix``, ``ClassMix``, ``CutOut``, ``Mixup``); images and labels
            are mixed alike.
        mix_share: For mix='cutmix', the least and greatest share of an image that the
            rectangle covers; None: 0.25 to 0.5.
        loss: Config of the loss: ``SquaredDifference`` of probabilities; None: the
            cross-entropy of the most probable classes.
        perturb: Config of a change of the student's features in front of the neck
            (``ChannelDropout``), or None.
        pixels: The pixels over which the loss is averaged. 'valid': those of images,
            without ignored labels. 'all': those of padding and those with ignored
            labels, too, as in the code of Ke et al.; not borders that a warp exposed.
        joint: Names of views that share one pass through the student with those above;
            empty: each has its own pass. Batch normalisation sees a pass as one batch.
        start: Time from which on the loss counts.
        ramp: Time over which the weight then grows linearly from 0.

    Raises:
        ValueError: If an argument is out of its range.
    """

    teaches: ClassVar[bool] = True

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
        loss: dict[str, Any] | None = None,
        perturb: dict[str, Any] | None = None,
        pixels: str = "valid",
        joint: Sequence[str] = (),
        start: float = 0,
        ramp: float = 0,
    ) -> None:
        super().__init__()
        if pixels not in PIXELS:
            raise ValueError(
                f"ConsistencyObjective: pixels={pixels!r}; allowed: {PIXELS}"
            )
        self.weight = weight
        self.teacher_branch = teacher_branch
        self.student_branch = student_branch
        self.plain_branches = tuple(plain_branches)
        self.network = network
        self.labels_from = build_source(labels_from)
        self.select = build_select(select, threshold)
        self.mix = build_mix(mix, mix_share)
        self.loss = build_loss(loss)
        self.perturb = None if perturb is None else MODELS.build(perturb)
        self.pixels = pixels
        self.joint = tuple(joint)
        check_time("ConsistencyObjective.start", start)
        check_time("ConsistencyObjective.ramp", ramp)
        self.start = start
        self.ramp = ramp

    @property
    def reads(self) -> Sequence[str]:
        """The views of both networks, and those of the mixing policy."""
        further = () if self.mix is None else self.mix.reads
        return (*self.seen, *(name for name in further if name not in self.seen))

    @property
    def seen(self) -> Sequence[str]:
        """The views of both networks."""
        return (self.teacher_branch, self.student_branch, *self.plain_branches)

    @property
    def mixes(self) -> Sequence[str]:
        """The student's view, if its images are mixed with each other."""
        pairs = self.mix is not None and self.mix.pairs
        return (self.student_branch,) if pairs else ()

    @property
    def needs(self) -> Sequence[str]:
        """The network that learns, and those that give labels."""
        return (self.network, *self.labels_from.networks)

    def weight_in(self, step: Step) -> float:
        """The weight of an iteration, 0 before the start."""
        return 0.0 if step.before(self.start) else self.weight_at(step.iteration)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of its pixels that are selected."""
        if step.before(self.start):
            return {}
        own = Labelling(self.labels_from, self.select, self.labels_from)
        hard = self.judge(step, self.teacher_branch, self.student_branch, own)
        counted = self.finished(hard, self.select)
        self.publish(step, "confidence", lambda: hard.confidence.unsqueeze(1))
        self.publish(step, "selection", lambda: counted.weights.unsqueeze(1))
        share = counted.weights.sum() / hard.valid.sum().clamp(min=1)
        targets = self.targets(step, hard, own)
        self.publish(step, "mixed_labels", lambda: targets[0].classes.unsqueeze(1))
        logits = self.predict(step, targets)

        def labelled(by: Labelling) -> list[Target]:
            first = self.judge(step, self.teacher_branch, self.student_branch, by)
            return self.targets(step, first, by)

        lesson = Lesson(labelled, lambda targets: self.loss(logits, targets, 1.0))
        teach(step, self.name, lesson)
        loss = self.loss(logits, targets, self.weight_at(step.iteration))
        return {"loss": loss, "selected": share}

    def weight_at(self, iteration: int) -> float:
        """Weight of the loss in an iteration from ``start`` on."""
        since = iteration - iterations(self.start) + 1
        progress = since / max(iterations(self.ramp), 1)
        return self.weight * min(progress, 1.0)

    def judge(self, step: Step, seen: str, target: str, by: Labelling) -> Target:
        """Labels from one view and their weights, at the pixels of another."""
        view = step[target]
        judgement = by.source.judge(step, step[seen], view, self.pixels)
        labels, valid = self.loss.labels(judgement), judgement.valid
        weights = check_weights(by.select(judgement, step), valid, by.select)
        return Target(view, labels, weights, valid, judgement)

    def finished(self, target: Target, select: Select) -> Target:
        """The target with the weights that count."""
        return target._replace(weights=select.finish(target.weights, target.valid))

    def targets(self, step: Step, hard: Target, by: Labelling) -> list[Target]:
        """The target of the student's view, mixed, and those of the plain views."""
        first = self.finished(hard, by.select)
        if self.mix is not None:
            first = self.mix.mix(step, f"{self.name}.mixed", hard, by.select)
        plain = (self.judge(step, name, name, by) for name in self.plain_branches)
        return [first, *(self.finished(target, by.select) for target in plain)]

    def predict(self, step: Step, targets: Sequence[Target]) -> list[Tensor]:
        """The learning network's logits for each target, (N, C, H, W)."""
        views = (target.view for target in targets)
        outputs = self.outputs(step, *views, network=self.network)
        if self.perturb is not None:
            outputs[0] = perturbed(outputs[0], self.perturb.functions(1)[0])
        return [output.class_logits for output in outputs]

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Confidence of the predictions."""
        return {"confidence": probs.amax(dim=1, keepdim=True)}
