"""Consistency of features under different contexts.

Lai, Tian, Jiang, Liu, Zhao, Wang, Jia: Semi-supervised Semantic Segmentation with
Directional Context-aware Consistency, CVPR 2021, https://arxiv.org/abs/2106.14133. The
authors' code: https://github.com/JIA-Lab-research/Context-Aware-Consistency.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_dist_info
from mmseg.registry import MODELS
from torch import Tensor

from ..build import check_arguments
from ..correspondence import same_places, take
from ..heads.projector import Projector
from ..losses.directional_contrast import (
    DISTANCES,
    REDUCTIONS,
    directional_contrast,
    pull_masks,
    pull_weights,
)
from ..memory_bank import MemoryBank, gather_images, spread_places
from ..segmentors.seg_output import SegOutput, last_head
from ..segmentors.step import Step
from .base import NetworkPass, Objective


class View(NamedTuple):
    """What the student says of one crop, by feature.

    Attributes:
        features: (N, P, D), float, of length 1.
        confidence: (N, P), float, highest class probability.
        labels: (N, P), int64, its class.
        size: Height and width of the map of the P features.
    """

    features: Tensor
    confidence: Tensor
    labels: Tensor
    size: tuple[int, int]


class Pairs(NamedTuple):
    """Which features of both crops show the same place.

    Attributes:
        first: The first crop.
        second: The second crop.
        counterpart: The second crop at the places of the first one's features.
        places: (N, P), int64, those places.
        overlap: (N, h, w), bool, whether they exist.
        masks: (2, N, h, w), bool, whether the first feature is pulled towards the
            second, and the other way round.
    """

    first: View
    second: View
    counterpart: View
    places: Tensor
    overlap: Tensor
    masks: Tensor


@MODELS.register_module()
class ContextContrastObjective(Objective):
    """Features of two overlapping crops should agree where both show the same pixel.

    Of each pair of features, the less confident one is pulled towards the other, if
    that is confident enough, and pushed away from features of other pseudo-classes:
    those of both crops of all images and processes, and of past steps.

    It publishes maps of the first crop, (N, 1, h, w) at the stride of the features:
    ``confidence`` and ``confidence_second``, the highest class probabilities in both
    crops; ``overlap``, 1 where the second crop shows the pixel, too; and
    ``pulled_first`` and ``pulled_second``, 1 where the first crop's feature is pulled
    towards the second's, and the other way round.

    Args:
        in_channels: Channels of the embedding in front of the classifier.
        projector: Further arguments of :class:`Projector`; None: the embedding is
            compared as it is.
        weight: lambda (Eq. 9).
        start: Iteration from which on the loss counts; before it, the unlabelled crops
            are not even looked at.
        pool: Average pooling of embedding and logits by this factor, so that the stride
            becomes 8.
        gamma: Positive filtering (Eq. 7): a feature is pulled only towards one whose
            confidence exceeds this; None: towards any.
        directional: The direction mask (Eq. 2). False: both features of a pair are
            pulled, the vanilla contrastive loss.
        negatives: 'other_class': features of other pseudo-classes (Eq. 5); 'all': all
            but those of the same place (Eq. 1).
        temperature: tau.
        distance: 'contrast', or 'l2' for the squared distance, without negatives.
        reduction: 'overlap' or 'active', see :func:`pull_weights`.
        batch_negatives: Features of the batch of all processes that serve as negatives,
            drawn anew in each step; None: all.
        bank_size: Features of past steps, of all processes, that serve as negatives.
        branches: The two crops.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        in_channels: int,
        projector: dict | None,
        weight: float = 0.1,
        start: int = 0,
        pool: int = 1,
        gamma: float | None = 0.75,
        directional: bool = True,
        negatives: str = "other_class",
        temperature: float = 0.1,
        distance: str = "contrast",
        reduction: str = "overlap",
        batch_negatives: int | None = None,
        bank_size: int = 0,
        branches: Sequence[str] = ("unlabeled", "unlabeled_second"),
    ) -> None:
        super().__init__()
        choices = {
            "negatives": (negatives, ("other_class", "all")),
            "distance": (distance, DISTANCES),
            "reduction": (reduction, REDUCTIONS),
        }
        for name, (value, allowed) in choices.items():
            if value not in allowed:
                raise ValueError(
                    f"ContextContrastObjective: {name}={value!r}; allowed: {allowed}"
                )
        ranges = {
            "temperature": (temperature, temperature > 0, "above 0"),
            "gamma": (gamma, gamma is None or 0 <= gamma <= 1, "0 to 1, or None"),
            "pool": (pool, pool >= 1, "1 or more"),
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
        self.start = start
        self.pool = pool
        self.gamma = gamma
        self.directional = directional
        self.negatives = negatives
        self.temperature = temperature
        self.distance = distance
        self.reduction = reduction
        self.batch_negatives = batch_negatives
        self.branches = tuple(branches)

    def check(self, segmentor: nn.Module) -> None:
        """The head must have an embedding of the right width."""
        head = last_head(segmentor)
        classifier = getattr(head, "conv_seg", None)
        if not isinstance(classifier, nn.Module):
            raise ValueError(
                f"ContextContrastObjective: {type(head).__name__} has no classifier "
                "`conv_seg`, so there is no embedding to compare; set "
                "segmentor.decode_head to a head derived from mmseg's BaseDecodeHead, "
                "or name the head's classifier `conv_seg`"
            )
        if classifier.in_channels != self.in_channels:
            raise ValueError(
                f"ContextContrastObjective: in_channels={self.in_channels}, but the "
                f"embedding in front of {type(head).__name__}.conv_seg has "
                f"{classifier.in_channels} channels; set in_channels to that"
            )

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, the share of a crop that overlaps, and that of pulled pixels."""
        name = self.branches[0]
        if step.iteration < self.start or self.weight == 0:
            trains = self.projector is not None
            return {f"{name}.loss_contrast": self.idle()} if trains else {}
        first, second, counterpart, places, overlap, masks = self.pair(step)
        keys, negatives, negative_keys = self.sample_negatives(
            step.iteration, first, second, counterpart, places, overlap.flatten(1)
        )
        loss = directional_contrast(
            first.features.flatten(0, 1),
            counterpart.features.flatten(0, 1),
            pull_weights(masks, overlap, self.reduction, _mean_of_processes).flatten(1),
            keys,
            negatives,
            negative_keys,
            self.temperature,
            self.distance,
            self.directional,
        )
        return {
            f"{name}.loss_contrast": self.weight * loss,
            f"{name}.overlap": overlap.float().mean(),
            f"{name}.pulled": masks.sum() / overlap.sum().clamp(min=1),
        }

    def pair(self, step: Step) -> Pairs:
        """Features of both crops that show the same place; the maps are published."""
        first, second = (self.view(step.student(branch)) for branch in self.branches)
        places, overlap = same_places(step, self.branches, (first.size, second.size))
        places = places.flatten(1)
        counterpart = View(
            *(take(values, places) for values in second[:3]), size=first.size
        )
        masks = pull_masks(
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
            step.publish(name, partial(_as_map, value))
        return Pairs(first, second, counterpart, places, overlap, masks)

    def view(self, output: SegOutput) -> View:
        """Project the embedding and read the confidence, both pooled.

        A 1x1 classifier of pooled features gives pooled logits.
        """
        embedding, logits = output.embedding, output.logits.detach()
        if self.pool > 1:
            embedding = F.avg_pool2d(embedding, self.pool)
            logits = F.avg_pool2d(logits, self.pool)
        if self.projector is not None:
            embedding = self.projector(embedding)
        features = F.normalize(embedding.float().flatten(2).transpose(1, 2), dim=2)
        confidence, labels = logits.float().softmax(dim=1).flatten(2).max(dim=1)
        return View(features, confidence, labels, tuple(embedding.shape[-2:]))

    @torch.no_grad()
    def sample_negatives(
        self,
        iteration: int,
        first: View,
        second: View,
        counterpart: View,
        places: Tensor,
        overlap: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Negatives of the batch and of past steps; those of the batch are kept.

        Args:
            iteration: Decides which of the batch are drawn.
            first: The first crop.
            second: The second crop.
            counterpart: The second crop at the places of the first one's features.
            places: (N, P), int64, those places.
            overlap: (N, P), bool, whether they exist.

        Returns:
            Keys of the pulled features, (2, N * P); negatives, (K, D), and their keys,
            (K,). A negative with an anchor's key does not count for it.
        """
        rows = torch.cat([first.features, second.features], dim=1)
        labels = torch.cat([first.labels, second.labels], dim=1)
        if self.distance == "l2":
            return labels.new_zeros(2, places.numel()), rows[0, :0], labels[0, :0]
        own, keys = labels, torch.stack([first.labels, counterpart.labels])
        if self.negatives == "all":
            own, keys = place_keys(places, overlap, rows.shape[1])
        rows, labels, own = (
            gather_images(values).flatten(0, 1) for values in (rows, labels, own)
        )
        if self.batch_negatives is not None and self.batch_negatives < len(rows):
            drawn = spread_places(
                len(rows), self.batch_negatives, iteration, rows.device
            )
            rows, labels, own = rows[drawn], labels[drawn], own[drawn]
        past, past_keys = self.bank.content()
        if self.negatives == "all":
            past_keys = torch.full_like(past_keys, -1)
        negatives = torch.cat([rows, past])
        negative_keys = torch.cat([own, past_keys])
        self.bank.push(rows, labels)
        return keys.flatten(1), negatives, negative_keys

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """How sure the predictions are."""
        return {"confidence": probs.amax(dim=1, keepdim=True)}

    def passes(self) -> list[NetworkPass]:
        """The student on both crops."""
        return [NetworkPass("student", branch, "weights") for branch in self.branches]


def place_keys(places: Tensor, overlap: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Numbers that only features of the same place of the same image share.

    Args:
        places: (N, P), int64, of the first crop's features in the second crop.
        overlap: (N, P), bool, whether they are there.
        rows: Features of an image in both crops together, those of the first before.

    Returns:
        (N, rows), int64, of all features; and (2, N, P), of the pairs of features.
    """
    count, size = places.shape
    device = places.device
    rank, processes = get_dist_info()
    images = torch.arange(count, device=device) * processes + rank
    offset = images.unsqueeze(1) * rows
    own = torch.arange(rows, device=device).expand(count, -1)
    first = torch.where(overlap, places + size, own[:, :size])
    keys = torch.cat([first, own[:, size:]], dim=1)
    return keys + offset, (first + offset).expand(2, -1, -1)


def _as_map(values: Tensor) -> Tensor:
    return values.detach().float().unsqueeze(1)


def _mean_of_processes(count: Tensor) -> Tensor:
    count = count.clone()
    all_reduce(count, "mean")
    return count
