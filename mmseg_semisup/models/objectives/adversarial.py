"""Adversarial learning on class probability maps.

Hung, Tsai, Liou, Lin, Yang: Adversarial Learning for Semi-Supervised Semantic
Segmentation, BMVC 2018, https://arxiv.org/abs/1802.07934, Eqs. 1, 2 and 4. The authors'
code: https://github.com/hfslyc/AdvSemiSeg, commit 841d546. In contrast to the paper,
its discriminator also sees unlabelled predictions, the adversarial loss on unlabelled
images starts at once, and the discriminator's real samples are drawn independently;
each is an argument here. So is its mean over the pixels of all predictions in one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..adversary import Judged, check_real_target, real_loss
from ..build import build_part
from ..losses import joint_spatial_bce, one_hot_labels, spatial_bce
from ..step.step import Step
from ..training_facts import check_time
from .base import Objective

FAKE_MEANS = ("branches", "pixels")


@MODELS.register_module()
class AdversarialObjective(Objective):
    """Trains predictions to look like ground truth to a discriminator.

    The segmentor and the discriminator learn in the same step, from one pass of the
    discriminator over each input. In the segmentor's loss the discriminator's weights
    are constants, in the discriminator's loss the predictions, see
    :class:`~mmseg_semisup.models.adversary.Judged`.

    It publishes ``confidence``, the discriminator's map for ``confidence_branch``:
    (N, 1, H, W), the probability that a pixel is ground truth.

    Args:
        discriminator: Config of the discriminator: maps (N, C, H, W) to logits
            (N, 1, H, W).
        weights: Branch to the weight of its adversarial loss (Eq. 4), the paper's
            lambda_adv: 0.01 labelled, 0.001 unlabelled.
        start: Branch to the time from which on that loss counts.
        fake_branches: Branches whose predictions train the discriminator.
        fake_mean: 'branches': the discriminator's loss on predictions is the mean of
            the branches' means; 'pixels': the mean over the valid pixels of all
            branches, as in the authors' code. They differ where the branches have
            different numbers of valid pixels.
        real_branch: Branch whose ground truth trains it.
        real_target: The discriminator's target for ground truth, above 0.5, at most 1;
            below 1: one-sided label smoothing.
        confidence_branch: Branch whose confidence is published.
        predictions: None: the student's predictions. A name: the predictions that an
            earlier objective publishes as ``<name>.<branch>``; the confidence is then
            published as ``confidence_<name>``.

    Raises:
        ValueError: If ``start`` names a branch that ``weights`` does not, or
            ``fake_mean`` or ``real_target`` is not allowed.
    """

    takes: ClassVar[Mapping[str, str]] = {"discriminator.num_classes": "num_classes"}

    def __init__(
        self,
        discriminator: dict[str, Any],
        weights: Mapping[str, float],
        start: Mapping[str, float],
        fake_branches: Sequence[str] = ("labeled",),
        fake_mean: str = "branches",
        real_branch: str = "labeled",
        real_target: float = 1.0,
        confidence_branch: str = "unlabeled",
        predictions: str | None = None,
    ) -> None:
        super().__init__()
        if set(start) != set(weights):
            raise ValueError(
                f"AdversarialObjective: start={dict(start)} and weights="
                f"{dict(weights)} must name the same branches"
            )
        if fake_mean not in FAKE_MEANS:
            raise ValueError(
                f"AdversarialObjective: fake_mean={fake_mean!r}; allowed: {FAKE_MEANS}"
            )
        self.discriminator = build_part(MODELS, discriminator, "discriminator")
        self.weights = dict(weights)
        for name, time in start.items():
            check_time(f"AdversarialObjective.start.{name}", time)
        self.start = dict(start)
        self.fake_branches = tuple(fake_branches)
        self.fake_mean = fake_mean
        self.real_branch = real_branch
        self.real_target = check_real_target(type(self).__name__, real_target)
        self.confidence_branch = confidence_branch
        self.predictions = predictions

    @property
    def reads(self) -> Sequence[str]:
        """Views whose predictions or ground truth the discriminator sees."""
        judged = (name for name, weight in self.weights.items() if weight)
        return (*judged, *self.fake_branches, self.real_branch)

    def probs(self, step: Step, branch: str) -> Tensor:
        """The predictions for the discriminator, (N, C, H, W), in 0..1."""
        if self.predictions is None:
            return step.student(step[branch]).probs
        return step.signal(f"{self.predictions}.{branch}")

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Adversarial losses of the segmentor, and the loss of the discriminator."""
        taught = [
            name
            for name, weight in self.weights.items()
            if weight and not step.before(self.start[name])
        ]
        judged = {name: Judged(self.probs(step, name)) for name in taught}
        for name in self.fake_branches:
            judged.setdefault(name, Judged(self.probs(step, name), teaches=False))
        scores = {name: self.discriminator(fake.maps) for name, fake in judged.items()}
        losses = {}
        for name in taught:
            loss = spatial_bce(scores[name], True, step[name].valid)  # Eq. 4
            losses[f"loss_{name}"] = judged[name].pass_on(self.weights[name] * loss)
        self.publish_confidence(step, scores)
        fakes = {name: scores[name] for name in self.fake_branches}
        return {**losses, **self.discriminator_loss(step, fakes)}

    def discriminator_loss(
        self, step: Step, fakes: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Eq. 1, with equal weight of predictions and ground truth.

        Args:
            step: The step.
            fakes: View to the scores of its predictions, (N, 1, H, W), before the
                sigmoid.

        Returns:
            The loss; mean scores, in 0..1; and the share of right answers.
        """
        real = step[self.real_branch]
        weight = next(self.discriminator.parameters())
        truth = one_hot_labels(
            real.labels, self.discriminator.num_classes, weight.dtype
        )
        on_real = self.discriminator(truth)
        valid = [step[name].valid for name in fakes]
        if self.fake_mean == "pixels":
            loss_fake = joint_spatial_bce(list(fakes.values()), False, valid)
        else:
            pairs = zip(fakes.values(), valid, strict=True)
            losses = [spatial_bce(score, False, counts) for score, counts in pairs]
            loss_fake = sum(losses[1:], losses[0]) / len(losses)
        loss_real = real_loss(
            lambda is_real: spatial_bce(on_real, is_real, real.valid), self.real_target
        )
        with torch.no_grad():
            means = [score.sigmoid().mean() for score in fakes.values()]
            right = [(score < 0).to(score.dtype).mean() for score in fakes.values()]
            right = torch.stack(right).mean() + (on_real > 0).to(on_real.dtype).mean()
        return {
            "discriminator.loss": 0.5 * loss_fake + 0.5 * loss_real,
            "discriminator.fake": torch.stack(means).mean(),
            "discriminator.real": on_real.sigmoid().mean(),
            "discriminator.accuracy": 0.5 * right,
        }

    def publish_confidence(self, step: Step, scores: Mapping[str, Tensor]) -> None:
        """Publish the discriminator's confidence in one view's predictions."""

        def confidence() -> Tensor:
            name = self.confidence_branch
            if name in scores:
                return scores[name].detach().sigmoid()
            with torch.no_grad():
                return self.discriminator(self.probs(step, name)).sigmoid()

        tag = "" if self.predictions is None else f"_{self.predictions}"
        self.publish(step, f"confidence{tag}", confidence)

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """The discriminator's confidence in given predictions."""
        return {"confidence": self.discriminator(probs).sigmoid()}
