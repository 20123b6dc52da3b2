"""Weights of pseudo-labels by class, higher for those that are rare.

Inverse frequency; or Cui et al., Class-balanced loss based on effective number of
samples, CVPR 2019, https://arxiv.org/abs/1901.05555, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_semisup.core.histogram import histogram

from ..step.step import Step
from .adaptive_threshold import class_indices
from .labels import Judgement
from .select import Select, build_select

KINDS = ("inverse_frequency", "effective_number")


@MODELS.register_module()
class ClassWeights(Select):
    """Multiplies the weights of a selection by a weight of each pixel's label.

    With n_c the mean number of selected pixels of class c in a step, over the last
    steps and all processes, r_c is

        1 / n_c                            'inverse_frequency'
        (1 - beta) / (1 - beta ^ n_c)      'effective_number' (Cui et al., Eq. 2)

    but at most ``limit`` times the lowest of all r_c, also of a class without pixels.
    The weight is w_c = r_c sum_c' n_c' / sum_c' n_c' r_c', so that the mean weight of
    the selected pixels is 1. The step's own labels are part of n_c.

    Args:
        num_classes: C; the segmentor's, if the config states none.
        select: Config of the selection, or the name of an earlier objective whose
            selection is reused; None: a ``ConfidenceThreshold``. Not
            ``ConfidentShare``, whose weights are those of all pixels.
        kind: 'inverse_frequency' or 'effective_number'.
        limit: Greatest weight divided by the least, 1 or more.
        beta: Of 'effective_number', between 0 and 1: classes with far more pixels than
            1 / (1 - beta) do not differ.
        momentum: Weight of the steps before in the mean, in 0..1.

    Raises:
        ValueError: If an argument is out of its range, or the selection gives one
            weight to all pixels.
    """

    takes: ClassVar[Mapping[str, str]] = {"num_classes": "num_classes"}
    pixels: Tensor
    steps: Tensor

    def __init__(
        self,
        num_classes: int,
        select: str | dict[str, Any] | None = None,
        kind: str = "inverse_frequency",
        limit: float = 10.0,
        beta: float = 0.9999,
        momentum: float = 0.99,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"ClassWeights: kind={kind!r}; allowed: {KINDS}")
        if limit < 1:
            raise ValueError(f"ClassWeights: limit={limit}; allowed: 1 or more")
        if not 0 < beta < 1:
            raise ValueError(f"ClassWeights: beta={beta}; allowed: between 0 and 1")
        if not 0 <= momentum < 1:
            raise ValueError(
                f"ClassWeights: momentum={momentum}; allowed: 0 to below 1"
            )
        self.select = build_select(select, 0.95)
        if type(self.select).finish is not Select.finish:
            raise ValueError(
                f"ClassWeights: select={type(self.select).__name__} gives all pixels "
                "one weight after they are mixed; allowed: a selection of pixels, such "
                "as ConfidenceThreshold"
            )
        self.num_classes = num_classes
        self.kind = kind
        self.limit = limit
        self.beta = beta
        self.momentum = momentum
        self.register_buffer("pixels", torch.zeros(num_classes))
        self.register_buffer("steps", torch.zeros(()))

    @property
    def level(self) -> Tensor | float | None:
        """That of the selection."""
        return self.select.level

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """The weight of each pixel, (N, H, W), float; its mean is about the share."""
        weights = self.select(judgement, step)
        of_classes = step.once(
            (id(self), "weights"), lambda: self.update(judgement, weights)
        )
        return weights * of_classes[class_indices(judgement)]

    @torch.no_grad()
    def update(self, judgement: Judgement, weights: Tensor) -> Tensor:
        """Count the selected pixels of a step.

        Args:
            judgement: Labels at the pixels of a view.
            weights: (N, H, W), their weights.

        Returns:
            The weights of the classes, (C,), float.
        """
        labels = class_indices(judgement).masked_fill(weights <= 0, self.num_classes)
        counts = histogram(labels, self.num_classes + 1)[: self.num_classes]
        counts = counts.to(self.pixels)
        all_reduce(counts)
        self.pixels.lerp_(counts, 1 - self.momentum)
        self.steps.lerp_(torch.ones_like(self.steps), 1 - self.momentum)
        return self.class_weights()

    def class_weights(self) -> Tensor:
        """w_c, (C,), float; 1 before any pixel was selected."""
        least = torch.finfo(self.pixels.dtype).tiny
        # Divided by the sum of the momentum's weights, as the mean begins with 0.
        mean = self.pixels / self.steps.clamp(min=least)
        if self.kind == "effective_number":
            # beta ** n - 1 loses no digits in this way.
            number = torch.expm1(mean * math.log(self.beta)) / (self.beta - 1)
        else:
            number = mean
        rate = 1 / number.clamp(min=least)
        rate = rate / rate.min()
        rate = rate.clamp(max=self.limit)
        total = mean.sum()
        weights = rate * total / (mean * rate).sum().clamp(min=least)
        return torch.where(total > 0, weights, torch.ones_like(weights))
