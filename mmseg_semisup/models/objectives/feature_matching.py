"""s4GAN: feature matching and self-training with a discriminator of whole images.

Mittal, Tatarchenko, Brox: Semi-Supervised Semantic Segmentation with High- and
Low-level Consistency, 2019, https://arxiv.org/abs/1908.05724, Eqs. 2 to 5. The authors'
code: https://github.com/sud0301/semisup-semseg, ``train_s4GAN.py``. Its differences
from the paper are arguments here or of ``ImageDiscriminator``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..adversary import Judged, check_real_target, real_loss
from ..build import build_part
from ..discriminators.image_discriminator import scale_images
from ..losses import (
    feature_distance,
    image_bce,
    one_hot_labels,
    self_training_loss,
)
from ..losses.feature_matching import NORMS
from ..reduce import sum_of_processes
from ..step.step import Step
from ..step.view import View
from ..training_facts import check_time
from .base import Objective

GENERATOR_LOSSES = ("feature_matching", "standard")
IMAGE_RANGES = ("own", "labeled")


@MODELS.register_module()
class FeatureMatchingObjective(Objective):
    """Trains predictions to look like ground truth to a discriminator of images.

    The segmentor learns to match the discriminator's features of predictions and of
    ground truth (Eq. 2), and learns its own argmax on images whose prediction the
    discriminator takes for ground truth (Eq. 3). The discriminator learns to
    distinguish both (Eq. 5).

    Each input passes the discriminator once a step. In the segmentor's loss the
    discriminator's weights are constants, in the discriminator's loss the predictions.
    With several processes, features are matched over the whole batch.

    Ignored pixels of ground truth and padded pixels of predictions have no class.
    Images without a valid pixel are left out.

    Args:
        discriminator: Config of the discriminator: maps (N, B + C, H, W) to scores (N,)
            and features (N, D).
        weight: lambda_fm, weight of the loss of Eq. 2; 0: none.
        self_training_weight: lambda_st; 0: no self-training.
        gamma: Least score, in 0..1, of a prediction for self-training: 0.6 on VOC and
            PASCAL-Context, 0.7 on Cityscapes.
        start: Time from which on self-training counts; 1 in the authors' code.
        inclusive: Whether a score equal to ``gamma`` is sufficient, as in the paper;
            False in the authors' code.
        score_dropout: Whether images are selected by the scores of the training pass,
            with dropout, as in the authors' code (the paper does not state it); False:
            by those of a further pass without dropout.
        generator_loss: 'feature_matching' (Eq. 2), or 'standard', -log D of
            predictions: "SGAN" of Table 6.
        norm: Norm of Eq. 2, 'mean_l1' or 'l2'; see :func:`feature_distance`.
        real_image_range: Batch whose range of values stretches the images of ground
            truth to 0..1: their 'own', or that of the branch 'labeled', as in the
            authors' code.
        mask_padding: Whether predictions have no class in padded pixels, like ground
            truth; False in the authors' code.
        real_branch: Branch whose ground truth the discriminator sees.
        real_target: Its target for ground truth, above 0.5, at most 1; below 1:
            one-sided label smoothing.
        unlabeled_branch: Branch whose predictions it sees.

    Raises:
        ValueError: If an argument is out of its range.
    """

    takes: ClassVar[Mapping[str, str]] = {"discriminator.num_classes": "num_classes"}

    def __init__(
        self,
        discriminator: dict[str, Any],
        weight: float = 0.1,
        self_training_weight: float = 1.0,
        gamma: float = 0.6,
        start: float = 0,
        inclusive: bool = True,
        score_dropout: bool = True,
        generator_loss: str = "feature_matching",
        norm: str = "mean_l1",
        real_image_range: str = "own",
        mask_padding: bool = True,
        real_branch: str = "labeled",
        real_target: float = 1.0,
        unlabeled_branch: str = "unlabeled",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if not 0 <= gamma <= 1:
            raise ValueError(f"{name}: gamma={gamma}; allowed: 0 to 1")
        for key, value, allowed in (
            ("generator_loss", generator_loss, GENERATOR_LOSSES),
            ("norm", norm, NORMS),
            ("real_image_range", real_image_range, IMAGE_RANGES),
        ):
            if value not in allowed:
                raise ValueError(f"{name}: {key}={value!r}; allowed: {allowed}")
        for key, factor in (
            ("weight", weight),
            ("self_training_weight", self_training_weight),
        ):
            if factor < 0:
                raise ValueError(f"{name}: {key}={factor}; allowed: 0 or more")
        self.discriminator = build_part(MODELS, discriminator, "discriminator")
        self.weight = weight
        self.self_training_weight = self_training_weight
        self.gamma = gamma
        check_time(f"{type(self).__name__}.start", start)
        self.start = start
        self.inclusive = inclusive
        self.score_dropout = score_dropout
        self.generator_loss = generator_loss
        self.norm = norm
        self.real_image_range = real_image_range
        self.mask_padding = mask_padding
        self.real_branch = real_branch
        self.real_target = check_real_target(name, real_target)
        self.unlabeled_branch = unlabeled_branch

    @property
    def reads(self) -> Sequence[str]:
        """The view with ground truth and the one without."""
        return (self.real_branch, self.unlabeled_branch)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Losses of segmentor and discriminator, and the discriminator's scores."""
        truth, view = step[self.real_branch], step[self.unlabeled_branch]
        (output,) = self.outputs(step, view)
        judged = Judged(output.probs, teaches=self.weight > 0)
        fake, fake_features = self.discriminator(self.fake_maps(step, judged.maps))
        real, real_features = self.discriminator(self.real_maps(step))
        has_truth, has_image = (_not_empty(v) for v in (truth, view))
        losses = {}
        if self.weight and self.generator_loss == "standard":
            loss = image_bce(fake, True, has_image)  # Table 6, "SGAN"
            losses["loss_gan"] = self.weight * judged.pass_on(loss)
        elif self.weight:
            real_features = real_features.detach()
            loss = self.matching(real_features, fake_features, has_truth, has_image)
            losses["loss_fm"] = self.weight * judged.pass_on(loss)  # Eq. 2
        if self.self_training_weight and not step.before(self.start):
            selected = self.good(step, output.probs, fake) & has_image
            loss = self_training_loss(
                output.class_logits, selected, view.valid, step.ignore_index
            )
            losses["loss_st"] = self.self_training_weight * loss  # Eq. 3
            losses["selected"] = selected.sum() / has_image.sum().clamp(min=1)
        # Eq. 5, with equal weight of predictions and ground truth.
        loss_d = image_bce(fake, False, has_image) + real_loss(
            lambda is_real: image_bce(real, is_real, has_truth), self.real_target
        )
        return {
            **losses,
            "discriminator.loss": 0.5 * loss_d,
            **_figures(fake.detach(), real.detach(), has_image, has_truth),
        }

    def real_maps(self, step: Step) -> Tensor:
        """Images and one-hot ground truth, (N, B + C, H, W)."""
        truth = step[self.real_branch]
        images, classes = truth.images, self.discriminator.num_classes
        own = self.real_image_range == "own"
        scaled = scale_images(images, None if own else step["labeled"].images)
        return torch.cat(
            [scaled, one_hot_labels(truth.labels, classes, images.dtype)], dim=1
        )

    def fake_maps(self, step: Step, probs: Tensor) -> Tensor:
        """Images and predictions (N, C, H, W), (N, B + C, H, W)."""
        view = step[self.unlabeled_branch]
        if self.mask_padding:
            probs = probs * view.valid.unsqueeze(1)
        return torch.cat([scale_images(view.images), probs], 1)

    def matching(
        self, real: Tensor, fake: Tensor, has_truth: Tensor, has_image: Tensor
    ) -> Tensor:
        """Eq. 2 over the valid images of all processes, scalar.

        Args:
            real: Features of ground truth, (N, D), float.
            fake: Features of predictions, (M, D), float.
            has_truth: (N,), bool.
            has_image: (M,), bool.
        """
        dtype = torch.promote_types(fake.dtype, torch.float32)
        real, fake = real.to(dtype), fake.to(dtype)
        sums = [
            (real * has_truth[:, None]).sum(dim=0),
            (fake * has_image[:, None]).sum(dim=0),
            torch.stack([has_truth.sum(), has_image.sum()]).to(dtype),
        ]
        total = sum_of_processes(torch.cat(sums))
        real_sum, fake_sum, count = total.split([len(s) for s in sums])
        mean = count.clamp(min=1)
        distance = feature_distance(real_sum / mean[0], fake_sum / mean[1], self.norm)
        return distance * (count > 0).all()

    @torch.no_grad()
    def good(self, step: Step, probs: Tensor, fake: Tensor) -> Tensor:
        """Images whose prediction the discriminator takes for ground truth, (N,), bool.

        Args:
            step: The step.
            probs: Predictions, (N, C, H, W).
            fake: Their scores in the training pass, (N,), before the sigmoid.
        """
        if not self.score_dropout:
            fake = self._score_without_dropout(self.fake_maps(step, probs))
        score = fake.sigmoid()
        return score >= self.gamma if self.inclusive else score > self.gamma

    def _score_without_dropout(self, maps: Tensor) -> Tensor:
        training = self.discriminator.training
        self.discriminator.eval()
        try:
            return self.discriminator(maps)[0]
        finally:
            self.discriminator.train(training)


def _not_empty(view: View) -> Tensor:
    """Images with a valid pixel, (N,), bool."""
    return view.valid.flatten(1).any(dim=1)


@torch.no_grad()
def _figures(
    fake: Tensor, real: Tensor, has_image: Tensor, has_truth: Tensor
) -> dict[str, Tensor]:
    """Mean scores, and the share of right answers, with equal weight of both kinds."""

    def mean(values: Tensor, counts: Tensor) -> Tensor:
        return (values * counts).sum() / counts.sum().clamp(min=1)

    right = mean((fake < 0).float(), has_image) + mean((real > 0).float(), has_truth)
    return {
        "discriminator.fake": mean(fake.sigmoid(), has_image),
        "discriminator.real": mean(real.sigmoid(), has_truth),
        "discriminator.accuracy": 0.5 * right,
    }
