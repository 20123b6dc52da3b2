"""Adversarial learning on class probability maps.

Hung, Tsai, Liou, Lin, Yang: Adversarial Learning for Semi-Supervised Semantic
Segmentation, BMVC 2018, https://arxiv.org/abs/1802.07934, Eqs. 1, 2 and 4.
The authors' code: https://github.com/hfslyc/AdvSemiSeg, commit 841d546. It differs from
the paper in that the discriminator also sees unlabelled predictions, that the
adversarial loss on unlabelled images starts at once, and that the discriminator's real
samples are drawn on their own; each is an argument here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from ..build import build_part
from ..losses import one_hot_labels, spatial_bce
from ..segmentors.seg_output import last_head
from ..segmentors.step import Step
from .base import NetworkPass, Objective


@MODELS.register_module()
class AdversarialObjective(Objective):
    """Predictions should look like ground truth to a discriminator.

    The segmentor and the discriminator learn in the same step, from one backward pass:
    the former sees the discriminator with constant weights, the latter sees the
    predictions as constants.

    It publishes ``confidence``, the discriminator's map for ``confidence_branch``:
    (N, 1, H, W), the probability that a pixel is ground truth.

    Args:
        discriminator: Config of the discriminator: maps (N, C, H, W) to logits
            (N, 1, H, W).
        weights: Branch to the weight of its adversarial loss (Eq. 4), the paper's
            lambda_adv: 0.01 labelled, 0.001 unlabelled.
        start: Branch to the iteration from which on that loss counts.
        fake_branches: Branches whose predictions train the discriminator.
        real_branch: Branch whose ground truth trains it.
        confidence_branch: Branch whose confidence is published.
        predictions: None: the student's. A name: those that an earlier objective
            publishes as ``<name>.<branch>``; losses and confidence then carry the name.

    Raises:
        ValueError: If ``start`` names a branch that ``weights`` does not.
    """

    def __init__(
        self,
        discriminator: dict,
        weights: Mapping[str, float],
        start: Mapping[str, int],
        fake_branches: Sequence[str] = ("labeled",),
        real_branch: str = "labeled",
        confidence_branch: str = "unlabeled",
        predictions: str | None = None,
    ) -> None:
        super().__init__()
        if set(start) != set(weights):
            raise ValueError(
                f"AdversarialObjective: start={dict(start)} and weights="
                f"{dict(weights)} must name the same branches"
            )
        self.discriminator = build_part(MODELS, discriminator, "discriminator")
        self.weights = dict(weights)
        self.start = dict(start)
        self.fake_branches = tuple(fake_branches)
        self.real_branch = real_branch
        self.confidence_branch = confidence_branch
        self.predictions = predictions

    def check(self, segmentor: nn.Module) -> None:
        """Discriminator and segmentor must have the same classes."""
        head = last_head(segmentor)
        if self.discriminator.num_classes != head.num_classes:
            raise ValueError(
                f"discriminator.num_classes={self.discriminator.num_classes}, but the "
                f"segmentor predicts {head.num_classes} classes; they must be equal"
            )

    def judge(self, probs: Tensor) -> Tensor:
        """The discriminator as a constant function: no gradient reaches its weights."""
        weights = {k: v.detach() for k, v in self.discriminator.named_parameters()}
        return torch.func.functional_call(self.discriminator, weights, (probs,))

    def probs(self, step: Step, branch: str) -> Tensor:
        """The predictions that are judged, (N, C, H, W), in 0..1."""
        if self.predictions is None:
            return step.student(branch).probs
        return step.signal(f"{self.predictions}.{branch}")

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Adversarial losses of the segmentor, and the discriminator's own."""
        losses = {}
        tag = "" if self.predictions is None else f"_{self.predictions}"
        judged: dict[str, Tensor] = {}
        for branch, weight in self.weights.items():
            if weight == 0 or step.iteration < self.start[branch]:
                continue
            judged[branch] = self.judge(self.probs(step, branch))
            loss = spatial_bce(judged[branch], True, step.valid(branch))  # Eq. 4
            losses[f"{branch}.loss_adv{tag}"] = weight * loss

        def confidence() -> Tensor:
            branch = self.confidence_branch
            if branch not in judged:
                with torch.no_grad():
                    judged[branch] = self.judge(self.probs(step, branch))
            return judged[branch].detach().sigmoid()

        step.publish(f"confidence{tag}", confidence)

        fakes = {b: self.probs(step, b).detach() for b in self.fake_branches}
        weight = next(self.discriminator.parameters())
        real = one_hot_labels(
            step.labels(self.real_branch), self.discriminator.num_classes, weight.dtype
        )
        on_fake = {b: self.discriminator(probs) for b, probs in fakes.items()}
        on_real = self.discriminator(real)
        loss_fake = sum(
            spatial_bce(score, False, step.valid(b)) for b, score in on_fake.items()
        )
        loss_real = spatial_bce(on_real, True, step.valid(self.real_branch))
        # Eq. 1, where half of the samples are predictions and half ground truth.
        losses[f"discriminator.loss_d{tag}"] = (
            0.5 * loss_fake / len(on_fake) + 0.5 * loss_real
        )
        with torch.no_grad():
            scores = [score.sigmoid().mean() for score in on_fake.values()]
            losses[f"discriminator.fake{tag}"] = torch.stack(scores).mean()
            losses[f"discriminator.real{tag}"] = on_real.sigmoid().mean()
            right = [(score < 0).to(score.dtype).mean() for score in on_fake.values()]
            right = torch.stack(right).mean() + (on_real > 0).to(on_real.dtype).mean()
            losses[f"discriminator.accuracy{tag}"] = 0.5 * right
        return losses

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """The discriminator's confidence in given predictions."""
        return {"confidence": self.discriminator(probs).sigmoid()}

    def passes(self) -> list[NetworkPass]:
        """Student, the discriminator as a judge, and the discriminator as a learner."""
        judged = [branch for branch, weight in self.weights.items() if weight]
        seen = dict.fromkeys((*judged, *self.fake_branches))
        network, classes = self.discriminator, self.discriminator.num_classes
        return [
            *(NetworkPass("student", branch, "weights") for branch in seen),
            *(NetworkPass(network, branch, "inputs", classes) for branch in judged),
            *(
                NetworkPass(network, branch, "weights", classes)
                for branch in (*self.fake_branches, self.real_branch)
            ),
        ]
