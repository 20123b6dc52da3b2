"""FixMatch, UniMatch and UniMatch V2: strong views learn the labels of a weak one.

Sohn et al., FixMatch, NeurIPS 2020; Yang et al., UniMatch, CVPR 2023,
https://arxiv.org/abs/2208.09910, section 3; Yang et al., UniMatch V2, TPAMI 2025,
https://arxiv.org/abs/2410.10777, section 3.

FixMatch has one strong view. UniMatch has two, labels of the student, and perturbed
features of the weak view. UniMatch V2 has two, labels of a teacher, and channels that
are divided between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..losses import selected_cross_entropy
from ..network_names import STUDENT, TEACHER
from ..policies.labels import build_source
from ..policies.lesson import Labelling, Lesson, teach
from ..policies.mix import build_mix
from ..policies.mixing import Target
from ..policies.select import Select, build_select, check_weights
from ..step.joint_pass import decode_again
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..step.view import View
from ..training_facts import check_time
from .base import Objective

BOX = {
    "type": "CutMix",
    "area": (0.02, 0.4),
    "aspect": (0.3, 1 / 0.3),
    "probability": 0.5,
    "pairing": "reversed",
}
"""The rectangles of the authors' code; the papers refer to CutMix without numbers."""


@MODELS.register_module()
class UniMatchObjective(Objective):
    """Trains the student on strong views with labels of the weak view.

    The loss of a view is the mean over its valid pixels, where the loss of a pixel
    that is not selected is 0. The loss of the strong views is the mean of theirs.

    It publishes two maps of the first strong view before mixing: ``confidence`` and
    ``selection``, (N, 1, H, W).

    Args:
        weight: Weight of all terms together; 0.5 in the papers, beside a
            ``labeled_weight`` of 0.5.
        threshold: Least confidence of a selected pixel, in 0..1: tau.
        weak: View that is judged.
        strong: Views that the student learns, in one pass.
        labels_from: Name of the network that judges, or config of a label source.
        select: Config of a selection in place of ``threshold``, see
            :class:`ConsistencyObjective`.
        mix: Config of a mixing policy, or 'none'; each strong view has its own draw.
        partners: View to the view of other images that are pasted into it, for the
            weak and all strong views; None: images of the same view are pasted.
        partners_from: Name of the network that judges the partners, or config of a
            label source.
        perturb: Config of a perturbation of the strong views' features
            (``ComplementaryDropout``, ``ChannelDropout``), or None.
        feature_perturb: Config of a perturbation of the weak view's features, whose
            predictions learn the same labels, or None. They are decoded in one batch
            with the clean features of the weak view and of ``weak_joint``.
        feature_share: Share of that loss in the weighted sum, in 0..1; the strong views
            have the rest.
        weak_joint: Views that share the student's pass with the weak view, for methods
            in which the student sees the weak view.
        joint: Views that share the student's pass with the strong ones.
        start: Time from which on the loss counts.

    Raises:
        ValueError: If an argument is out of its range.
    """

    teaches: ClassVar[bool] = True

    def __init__(
        self,
        weight: float = 0.5,
        threshold: float = 0.95,
        weak: str = "unlabeled",
        strong: Sequence[str] = ("unlabeled_strong",),
        labels_from: str | dict[str, Any] = TEACHER,
        select: dict[str, Any] | None = None,
        mix: str | dict[str, Any] | None = BOX,
        partners: Mapping[str, str] | None = None,
        partners_from: str | dict[str, Any] = TEACHER,
        perturb: dict[str, Any] | None = None,
        feature_perturb: dict[str, Any] | None = None,
        feature_share: float = 0.5,
        weak_joint: Sequence[str] = (),
        joint: Sequence[str] = (),
        start: float = 0,
    ) -> None:
        super().__init__()
        check_time("UniMatchObjective.start", start)
        if not strong or weak in strong or len(set(strong)) < len(strong):
            raise ValueError(
                f"UniMatchObjective: weak={weak!r}, strong={list(strong)}; allowed: at "
                "least one strong view, each named once, and not the weak one"
            )
        if partners is not None and set(partners) != {weak, *strong}:
            raise ValueError(
                f"UniMatchObjective: partners of {sorted(partners)}; allowed: of "
                f"{sorted({weak, *strong})}"
            )
        if not 0 <= feature_share <= 1:
            raise ValueError(
                f"UniMatchObjective: feature_share={feature_share}; allowed: 0 to 1"
            )
        self.weight = weight
        self.weak = weak
        self.strong = tuple(strong)
        self.labels_from = build_source(labels_from)
        self.select = build_select(select, threshold)
        self.mix = build_mix(mix)
        self.partners = None if partners is None else dict(partners)
        self.partners_from = build_source(partners_from)
        self.perturb = None if perturb is None else MODELS.build(perturb)
        self.feature_perturb = (
            None if feature_perturb is None else MODELS.build(feature_perturb)
        )
        self.feature_share = feature_share if feature_perturb is not None else 0.0
        self.weak_joint = tuple(weak_joint)
        self.joint = tuple(joint)
        self.start = start

    @property
    def reads(self) -> Sequence[str]:
        """The weak and the strong views, and those of partners."""
        return (self.weak, *self.strong, *(self.partners or {}).values())

    @property
    def mixes(self) -> Sequence[str]:
        """The strong views, if images of the same view are mixed with each other."""
        pairs = self.mix is not None and self.mix.pairs
        return self.strong if pairs and not self.partners else ()

    @property
    def joins(self) -> Sequence[str]:
        """Views that share a pass with the weak or with the strong views."""
        return (*self.weak_joint, *self.joint)

    @property
    def needs(self) -> Sequence[str]:
        """The networks that judge."""
        partners = self.partners_from.networks if self.partners else ()
        return (*self.labels_from.networks, *partners)

    def weight_in(self, step: Step) -> float:
        """The weight, from the start on."""
        return 0.0 if step.before(self.start) else self.weight

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The losses, and the share of valid pixels that are selected."""
        if step.before(self.start):
            return {}
        # The student's pass over the weak view comes first, as its labels may be used.
        dropped = self.weak_pass(step)
        own = Labelling(self.labels_from, self.select, self.partners_from)
        hard = self.judged(step, own)
        first = self.finished(hard[0], self.select)
        self.publish(step, "confidence", lambda: hard[0].confidence.unsqueeze(1))
        self.publish(step, "selection", lambda: first.weights.unsqueeze(1))
        targets = self.targets(step, hard, own)
        outputs = self.predict(step, [target.view for target in targets])
        outputs += [] if dropped is None else [dropped]
        if dropped is not None:
            targets.append(self.easy(step, own))

        def labelled(by: Labelling) -> list[Target]:
            further = [] if dropped is None else [self.easy(step, by)]
            return self.targets(step, self.judged(step, by), by) + further

        def loss(targets: Sequence[Target]) -> Tensor:
            return torch.stack([*self.losses(step, outputs, targets).values()]).sum()

        teach(step, self.name, Lesson(labelled, loss))
        losses = self.losses(step, outputs, targets)
        share = first.weights.sum() / first.valid.sum().clamp(min=1)
        return {**{k: self.weight * v for k, v in losses.items()}, "selected": share}

    def judged(self, step: Step, by: Labelling) -> list[Target]:
        """Labels of the weak view at the pixels of the strong views."""
        return [self.judge(step, self.weak, name, by) for name in self.strong]

    def easy(self, step: Step, by: Labelling) -> Target:
        """Labels of the weak view for the perturbed features of its own."""
        return self.finished(self.judge(step, self.weak, self.weak, by), by.select)

    def judge(
        self, step: Step, seen: str, target: str, by: Labelling, other: bool = False
    ) -> Target:
        """Labels of a view at the pixels of another view, and their weights.

        Args:
            step: The step.
            seen: The view that is judged.
            target: The view whose pixels are labelled.
            by: Who labels.
            other: Whether the images are partners.
        """
        view, source = step[target], by.partners if other else by.source
        judgement = source.judge(step, step[seen], view)
        weights = by.select(judgement, step)
        weights = check_weights(weights, judgement.labels, by.select)
        return Target(view, judgement.labels, weights, judgement.valid, judgement)

    def finished(self, target: Target, select: Select) -> Target:
        """The target with the weights that count."""
        return target._replace(weights=select.finish(target.weights, target.valid))

    def targets(
        self, step: Step, hard: Sequence[Target], by: Labelling
    ) -> list[Target]:
        """The targets of the strong views, mixed; they become views of their own."""
        if self.mix is None:
            return [self.finished(target, by.select) for target in hard]
        mixed = []
        for target in hard:
            other = target
            if self.partners is not None:
                seen, name = self.partners[self.weak], self.partners[target.view.name]
                other = self.judge(step, seen, name, by, other=True)
            name = f"{self.name}.{target.view.name}"
            mixed.append(self.mix.mix(step, name, target, by.select, other))
        return mixed

    def predict(self, step: Step, views: Sequence[View]) -> list[SegOutput]:
        """The student's outputs on the strong views, in one pass."""
        others = [step[name] for name in self.joint]
        outputs = step.output(STUDENT, [*others, *views])[len(others) :]
        if self.perturb is None:
            return outputs
        functions = self.perturb.functions(len(views))
        return decode_again(list(zip(outputs, functions, strict=True)))

    def weak_pass(self, step: Step) -> SegOutput | None:
        """The student's pass over the weak view, where the method has one.

        Returns:
            The outputs on perturbed features of the weak view, or None.
        """
        views = [*(step[name] for name in self.weak_joint), step[self.weak]]
        if self.feature_perturb is not None:
            function = self.feature_perturb.functions(1)[0]
            return step.decode_beside(STUDENT, views, function)[-1]
        if self.weak_joint:
            step.output(STUDENT, views)
        return None

    def losses(
        self, step: Step, outputs: Sequence[SegOutput], targets: Sequence[Target]
    ) -> dict[str, Tensor]:
        """Loss of the strong views and of the perturbed features, without the weight.

        Args:
            step: The step.
            outputs: Outputs on the strong views, then those of perturbed features.
            targets: Their targets.
        """
        each = [
            self.loss(step, output, target)
            for output, target in zip(outputs, targets, strict=True)
        ]
        count = len(self.strong)
        strong = torch.stack(each[:count]).mean()
        found = {"loss_strong": (1 - self.feature_share) * strong}
        if len(each) > count:
            found["loss_feature"] = self.feature_share * each[count]
        return found

    def loss(self, step: Step, output: SegOutput, target: Target) -> Tensor:
        """Cross-entropy of the selected pixels, divided by the valid ones."""
        labels, weights, valid = ([part] for part in target.parts[1:])
        return selected_cross_entropy(
            [output.class_logits], labels, weights, valid, step.ignore_index
        )

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Confidence of the predictions."""
        return {"confidence": probs.amax(dim=1, keepdim=True)}
