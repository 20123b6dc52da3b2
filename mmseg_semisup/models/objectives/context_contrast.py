"""Consistency of features under different contexts.

Lai, Tian, Jiang, Liu, Zhao, Wang, Jia: Semi-supervised Semantic Segmentation with
Directional Context-aware Consistency, CVPR 2021, https://arxiv.org/abs/2106.14133. The
authors' code: https://github.com/JIA-Lab-research/Context-Aware-Consistency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.dist import get_dist_info
from mmseg.registry import MODELS
from torch import Tensor

from ..build import check_arguments
from ..heads.projector import Projector
from ..losses.anchor_contrast import PRECISIONS
from ..losses.directional_contrast import (
    DISTANCES,
    REDUCTIONS,
    directional_contrast,
    pull_masks,
    pull_weights,
)
from ..memory_bank import MemoryBank, gather_images, spread_indices
from ..reduce import mean_of_processes
from ..step.seg_output import SegOutput
from ..step.step import Step
from ..training_facts import check_time
from .base import Objective

STRIDE = 8
"""Stride of the features in the paper, in pixels."""


class CropFeatures(NamedTuple):
    """The features of one crop that are compared.

    Attributes:
        features: (N, P, D), float, of length 1.
        confidence: (N, P), float, highest class probability, in 0..1.
        labels: (N, P), int64, the class with that probability.
        size: Height and width of the map of features, with P positions.
    """

    features: Tensor
    confidence: Tensor
    labels: Tensor
    size: tuple[int, int]

    def take(self, indices: Tensor) -> CropFeatures:
        """The features at indices (N, Q), int64, in 0..P-1."""
        wide = indices.unsqueeze(2).expand(-1, -1, self.features.shape[2])
        return CropFeatures(
            self.features.gather(1, wide),
            self.confidence.gather(1, indices),
            self.labels.gather(1, indices),
            self.size,
        )


class Pairs(NamedTuple):
    """Features of both crops at the same positions.

    Attributes:
        first: The first crop.
        second: The second crop.
        counterpart: The second crop at the positions of the first one's features.
        indices: (N, P), int64, of the counterparts in the second crop.
        overlap: (N, h, w), bool, whether there is a counterpart.
        masks: (2, N, h, w), bool, whether the first feature is pulled towards the
            second, and the second towards the first.
    """

    first: CropFeatures
    second: CropFeatures
    counterpart: CropFeatures
    indices: Tensor
    overlap: Tensor
    masks: Tensor


class Negatives(NamedTuple):
    """Features that anchors are pushed away from.

    Attributes:
        anchor_labels: (2, N * P), int64, labels of the features of both crops.
        features: (K, D), float, of length 1.
        labels: (K,), int64; anchors of the same label are not pushed away.
    """

    anchor_labels: Tensor
    features: Tensor
    labels: Tensor


@MODELS.register_module()
class ContextContrastObjective(Objective):
    """Trains the features of two overlapping crops to agree at the same pixels.

    The less confident feature of a pair is pulled towards the other one, if that is
    confident enough, and pushed away from features of other pseudo-classes, in both
    crops of all images and processes, and in past steps.

    It publishes maps of the first crop, (N, 1, h, w) at the stride of the features:
    ``confidence`` and ``confidence_second``, the highest class probabilities in both
    crops; ``overlap``, 1 where the second crop shows the pixel, too; and
    ``pulled_first`` and ``pulled_second``, 1 where the first crop's feature is pulled
    towards the second's, and the second's towards the first's.

    Args:
        in_channels: Channels of the embedding in front of the classifier.
        projector: Further arguments of :class:`Projector`; None: the embedding is
            compared without a projection.
        weight: lambda (Eq. 9).
        start: Time from which on the loss counts; before it, the networks do not
            run on the unlabelled crops.
        pool: Factor of the average pooling of embedding and logits. None: the one that
            gives them a stride of 8 pixels, as in the paper, or none if theirs is 8 or
            more.
        gamma: Positive filtering (Eq. 7): a feature is pulled only towards one whose
            confidence exceeds this; None: no filtering.
        directional: The direction mask (Eq. 2). False: both features of a pair are
            pulled, the vanilla contrastive loss.
        negatives: 'other_class': features of other pseudo-classes (Eq. 5); 'all': all
            except those of the same position (Eq. 1).
        temperature: tau.
        distance: 'contrast', or 'l2' for the squared distance, without negatives.
        reduction: 'overlap' or 'active', see :func:`pull_weights`.
        batch_negatives: Number of features of the batch of all processes that serve as
            negatives, drawn anew in each step; None: all.
        bank_size: Number of features of past steps that serve as negatives.
        precision: Of the products of features with negatives: 'float32', 'tf32' or
            'bfloat16', see :func:`anchor_contrast`.
        branches: The two crops.
        joint: Names of views that share one pass through the student with the crops;
            empty: each crop has its own pass, as in the authors' code.

    Raises:
        ValueError: If an argument is out of its range.
    """

    takes: ClassVar[Mapping[str, str]] = {"in_channels": "embedding_channels"}

    def __init__(
        self,
        in_channels: int,
        projector: dict[str, Any] | None,
        weight: float = 0.1,
        start: float = 0,
        pool: int | None = 1,
        gamma: float | None = 0.75,
        directional: bool = True,
        negatives: str = "other_class",
        temperature: float = 0.1,
        distance: str = "contrast",
        reduction: str = "overlap",
        batch_negatives: int | None = None,
        bank_size: int = 0,
        precision: str = "float32",
        branches: Sequence[str] = ("unlabeled", "unlabeled_second"),
        joint: Sequence[str] = (),
    ) -> None:
        super().__init__()
        choices: dict[str, tuple[Any, Sequence[str]]] = {
            "negatives": (negatives, ("other_class", "all")),
            "distance": (distance, DISTANCES),
            "reduction": (reduction, REDUCTIONS),
            "precision": (precision, PRECISIONS),
        }
        for name, (value, names) in choices.items():
            if value not in names:
                raise ValueError(
                    f"ContextContrastObjective: {name}={value!r}; allowed: {names}"
                )
        ranges: dict[str, tuple[Any, bool, str]] = {
            "temperature": (temperature, temperature > 0, "above 0"),
            "gamma": (gamma, gamma is None or 0 <= gamma <= 1, "0 to 1, or None"),
            "pool": (pool, pool is None or pool >= 1, "1 or more, or None"),
            "batch_negatives": (
                batch_negatives,
                batch_negatives is None or batch_negatives >= 0,
                "0 or more, or None for all",
            ),
            "branches": (branches, len(branches) == 2, "two names"),
        }
        for name, (value, holds, allowed) in ranges.items():
            if not holds:
                raise ValueError(
                    f"ContextContrastObjective: {name}={value!r}; allowed: {allowed}"
                )
        self.in_channels = channels = in_channels
        self.projector = None
        if projector is not None:
            projector = {"in_channels": in_channels, **projector}
            check_arguments(Projector, projector, "projector")
            self.projector = Projector(**projector)
            channels = self.projector.out_channels
        self.bank = MemoryBank(bank_size, channels)
        self.weight = weight
        check_time(f"{type(self).__name__}.start", start)
        self.start = start
        self.pool = pool
        self.gamma = gamma
        self.directional = directional
        self.negatives = negatives
        self.temperature = temperature
        self.distance = distance
        self.reduction = reduction
        self.batch_negatives = batch_negatives
        self.precision = precision
        self.branches = tuple(branches)
        self.joint = tuple(joint)

    @property
    def reads(self) -> Sequence[str]:
        """The two crops."""
        return self.branches

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, the share of a crop that overlaps, and that of pulled pixels."""
        if step.before(self.start) or self.weight == 0:
            trains = self.projector is not None
            return {"loss": self.zero_loss()} if trains else {}
        pairs = self.pair(step)
        negatives = self.negatives_of(pairs, step.iteration)
        weights = pull_weights(
            pairs.masks, pairs.overlap, self.reduction, mean_of_processes
        )
        loss = directional_contrast(
            pairs.first.features.flatten(0, 1),
            pairs.counterpart.features.flatten(0, 1),
            weights.flatten(1),
            negatives.anchor_labels,
            negatives.features,
            negatives.labels,
            self.temperature,
            self.distance,
            self.directional,
            self.precision,
        )
        return {
            "loss": self.weight * loss,
            "overlap": pairs.overlap.float().mean(),
            "pulled": pairs.masks.sum() / pairs.overlap.sum().clamp(min=1),
        }

    def pair(self, step: Step) -> Pairs:
        """Pair the features of both crops by their position, and publish the maps."""
        views = [step[name] for name in self.branches]
        first, second = (self.project(x) for x in self.outputs(step, *views))
        sizes = first.size, second.size
        indices, overlap = views[0].counterparts_in(views[1], sizes)
        counterpart = second.take(indices.flatten(1))
        masks = pull_masks(  # Eqs. 2 and 7
            first.confidence.view_as(overlap),
            counterpart.confidence.view_as(overlap),
            overlap,
            self.gamma,
            self.directional,
        )
        maps = {
            "confidence": first.confidence.view_as(overlap),
            "confidence_second": counterpart.confidence.view_as(overlap) * overlap,
            "overlap": overlap,
            "pulled_first": masks[0],
            "pulled_second": masks[1],
        }
        for name, value in maps.items():
            self.publish(step, name, partial(_as_map, value))
        return Pairs(first, second, counterpart, indices.flatten(1), overlap, masks)

    def project(self, output: SegOutput) -> CropFeatures:
        """Project the embedding and read the confidence, both pooled.

        Pooling commutes with the 1x1 classifier, so the logits are pooled.
        """
        embedding, logits = output.embedding, output.logits.detach()
        pool = self.pool
        if pool is None:
            stride = output.image_size[0] / embedding.shape[2]
            pool = max(1, round(STRIDE / stride))
        if pool > 1:
            embedding = F.avg_pool2d(embedding, pool)
            logits = F.avg_pool2d(logits, pool)
        if self.projector is not None:
            embedding = self.projector(embedding)
        features = F.normalize(embedding.float().flatten(2).transpose(1, 2), dim=2)
        probs = output.prediction.class_logits(logits.float()).softmax(dim=1)
        confidence, labels = probs.flatten(2).max(dim=1)
        height, width = embedding.shape[-2:]
        return CropFeatures(features, confidence, labels, (height, width))

    @torch.no_grad()
    def negatives_of(self, pairs: Pairs, iteration: int) -> Negatives:
        """Negatives of the batch and of past steps; the former are added to the bank.

        Args:
            pairs: Features of both crops.
            iteration: Iteration, which decides on the features that are drawn.
        """
        first, second, counterpart = pairs[:3]
        rows = torch.cat([first.features, second.features], dim=1)
        labels = torch.cat([first.labels, second.labels], dim=1)
        if self.distance == "l2":
            none = labels.new_zeros(2, pairs.indices.numel())
            return Negatives(none, rows[0, :0], labels[0, :0])
        own, anchors = labels, torch.stack([first.labels, counterpart.labels])
        if self.negatives == "all":
            overlap = pairs.overlap.flatten(1)
            own, anchors = place_labels(pairs.indices, overlap, rows.shape[1])
        rows, labels, own = (
            gather_images(values).flatten(0, 1) for values in (rows, labels, own)
        )
        if self.batch_negatives is not None and self.batch_negatives < len(rows):
            drawn = spread_indices(
                len(rows), self.batch_negatives, iteration, rows.device
            )
            rows, labels, own = rows[drawn], labels[drawn], own[drawn]
        past, past_labels = self.bank.content()
        if self.negatives == "all":
            past_labels = torch.full_like(past_labels, -1)
        negatives = torch.cat([rows, past])
        negative_labels = torch.cat([own, past_labels])
        self.bank.push(rows, labels)
        return Negatives(anchors.flatten(1), negatives, negative_labels)

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Confidence of the predictions."""
        return {"confidence": probs.amax(dim=1, keepdim=True)}


def place_labels(indices: Tensor, overlap: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Number the features by their position in an image, for Eq. 1.

    Args:
        indices: (N, P), int64, of the first crop's features in the second crop.
        overlap: (N, P), bool, whether the features have a counterpart.
        rows: Number of features of an image in both crops, the first crop first.

    Returns:
        Numbers of all features, (N, rows), int64; and of the pairs, (2, N, P).
    """
    count, size = indices.shape
    device = indices.device
    rank, processes = get_dist_info()
    images = torch.arange(count, device=device) * processes + rank
    offset = images.unsqueeze(1) * rows
    own = torch.arange(rows, device=device).expand(count, -1)
    first = torch.where(overlap, indices + size, own[:, :size])
    labels = torch.cat([first, own[:, size:]], dim=1)
    return labels + offset, (first + offset).expand(2, -1, -1)


def _as_map(values: Tensor) -> Tensor:
    return values.detach().float().unsqueeze(1)
