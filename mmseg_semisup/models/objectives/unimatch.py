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
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..losses import selected_cross_entropy
from ..network_names import STUDENT, TEACHER
from ..policies.labels import LabelSource, build_source
from ..policies.mix import build_mix
from ..policies.mixing import Target
from ..policies.select import build_select, check_weights
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

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The losses, and the share of valid pixels that are selected."""
        if step.before(self.start):
            return {}
        # The student's pass over the weak view comes first, as its labels may be used.
        dropped = self.weak_pass(step)
        hard = [self.judge(step, self.weak, n, self.labels_from) for n in self.strong]
        mixed = [self.mixed(step, target) for target in hard]
        outputs = self.predict(step, [target.view for target in mixed])
        losses = [self.loss(step, *pair) for pair in zip(outputs, mixed, strict=True)]
        first = hard[0]
        share = self.finished(first).weights.sum() / first.valid.sum().clamp(min=1)
        strong_weight = self.weight * (1 - self.feature_share)
        result = {"loss_strong": strong_weight * torch.stack(losses).mean()}
        if dropped is not None:
            feature_weight = self.weight * self.feature_share
            easy = self.judge(step, self.weak, self.weak, self.labels_from)
            easy = self.finished(easy)
            result["loss_feature"] = feature_weight * self.loss(step, dropped, easy)
        return {**result, "selected": share}

    def judge(self, step: Step, seen: str, target: str, source: LabelSource) -> Target:
        """Labels of a view at the pixels of another view, and their weights."""
        view = step[target]
        judgement = source.judge(step, step[seen], view)
        weights = self.select(judgement, step)
        weights = check_weights(weights, judgement.labels, self.select)
        judged = Target(view, judgement.labels, weights, judgement.valid)
        if target == self.strong[0]:
            self.publish(step, "confidence", lambda: judgement.confidence.unsqueeze(1))
            self.publish(
                step, "selection", lambda: self.finished(judged).weights.unsqueeze(1)
            )
        return judged

    def finished(self, target: Target) -> Target:
        """The target with the weights that count."""
        return target._replace(weights=self.select.finish(target.weights, target.valid))

    def mixed(self, step: Step, target: Target) -> Target:
        """Paste parts of the partners; the images become a view of their own."""
        if self.mix is None:
            return self.finished(target)
        other = target
        if self.partners is not None:
            seen, name = self.partners[self.weak], self.partners[target.view.name]
            other = self.judge(step, seen, name, self.partners_from)
        name = f"{self.name}.{target.view.name}"
        return self.mix.mix(step, name, target, self.select, other)

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

    def loss(self, step: Step, output: SegOutput, target: Target) -> Tensor:
        """Cross-entropy of the selected pixels, divided by the valid ones."""
        labels, weights, valid = ([part] for part in target.parts[1:])
        return selected_cross_entropy(
            [output.class_logits], labels, weights, valid, step.ignore_index
        )

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Confidence of the predictions."""
        return {"confidence": probs.amax(dim=1, keepdim=True)}
