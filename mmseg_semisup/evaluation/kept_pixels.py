"""Precision of the pixels that a confidence threshold keeps, on images with masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.histogram import histogram

from .confidence_levels import LEVELS, first_level, to_level

PRECISION, KEPT = "precision", "kept"
"""Names of the figures; that of a class is ``precision/CLASS``."""
NEEDED = {"seg_logits", "pred_sem_seg", "gt_sem_seg"}
"""What a prediction must have to be counted."""
VALUES = 2**24
"""Probabilities that are in memory at a time."""
COARSE = 0.005
"""Share of the pixels that a threshold must keep to be advised."""


@dataclass(frozen=True)
class KeptPixels:
    """Counted pixels of images with masks, and the thresholds at that time.

    Attributes:
        counts: (C, 2, 2, 256), pixels by predicted class, whether that is right,
            whether the pixel is kept, and level of confidence.
        level: (C,), threshold of each predicted class, in 0..1.
        classes: C names.
    """

    counts: NDArray[np.float64]
    level: NDArray[np.float64]
    classes: Sequence[str]

    @property
    def kept(self) -> float:
        """Share of the pixels that are kept, in 0..1; NaN without any pixel."""
        return _share(self.counts[:, :, 1].sum(), self.counts.sum())

    @property
    def precision(self) -> float:
        """Share of right labels among the kept ones, in 0..1; NaN if none is kept."""
        return _share(self.counts[:, 1, 1].sum(), self.counts[:, :, 1].sum())

    @property
    def class_precisions(self) -> list[float]:
        """The precision of each predicted class, C numbers in 0..1, or NaN."""
        kept = self.counts[:, :, 1].sum(axis=-1)
        pairs = zip(kept[:, 1], kept.sum(axis=1), strict=True)
        return [_share(right, both) for right, both in pairs]

    @property
    def highest(self) -> float:
        """The threshold; the highest where those of classes differ."""
        return float(self.level.max())

    def at(self, threshold: float) -> tuple[float, float]:
        """Precision and kept share, in 0..1 or NaN, of one threshold for all classes.

        Args:
            threshold: In 0..1; rounded up to 8 bits.
        """
        above = self.counts[..., first_level(threshold) :].sum(axis=(0, 2, 3))
        return _share(above[1], above.sum()), _share(above.sum(), self.counts.sum())

    def curve(self, number: int | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Precision and kept share for each level as the threshold, each (256,).

        Args:
            number: A predicted class; None: all.
        """
        counts = self.counts.sum(axis=0) if number is None else self.counts[number]
        above = counts.sum(axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1]
        with np.errstate(invalid="ignore"):
            precision = above[1] / above.sum(axis=0)
        return precision, above.sum(axis=0) / max(float(above[:, 0].sum()), 1.0)

    def better(self, wanted: float) -> float | None:
        """The lowest threshold for all classes whose precision is as wanted.

        Thresholds of at most two digits that keep more than a two-hundredth of the
        pixels are tried.

        Args:
            wanted: Precision in 0..1.

        Returns:
            The threshold; None if there is none.
        """
        for hundredth in range(int(100 * self.highest) + 1, 100):
            precision, kept = self.at(hundredth / 100)
            if precision >= wanted and kept >= COARSE:
                return hundredth / 100
        return None

    def sentence(self, wanted: float | None = None) -> str:
        """The figures in words, with advice if the precision is below a level.

        Args:
            wanted: The level, in 0..1; None: the threshold, the highest of several.
        """
        least = self.highest if wanted is None else wanted
        lowest = float(self.level.min())
        one = f"{self.highest:.3g}"
        level = one if lowest == self.highest else f"{lowest:.3g} to {one}"
        if not self.kept > 0:
            return (
                f"confidence {level}: no pixel of the validated images is kept; what "
                "keeps none teaches nothing: lower the threshold, or let the objective "
                "start later"
            )
        text = (
            f"confidence {level}: {100 * self.kept:.1f} % of the validated pixels are "
            f"kept, {100 * self.precision:.1f} % of them right"
        )
        if self.precision >= least:
            return text
        better = self.better(least)
        if better is None:
            advice = "no higher threshold reaches that"
        else:
            precision, kept = self.at(better)
            advice = (
                f"a threshold of {better:g} would keep {100 * kept:.1f} %, "
                f"{100 * precision:.1f} % of them right"
            )
        return f"{text}, fewer than {100 * least:.4g} %; {advice}"


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


class KeptPixelsMetric(BaseMetric):
    """Counts the pixels that a threshold keeps, where the predictions are.

    Nothing is predicted for it: it reads the logits of predictions. The counts stay on
    the device until all images are counted.

    Args:
        probabilities: Function of the logits of an image, (C, H, W); returns
            probabilities of that shape.
        num_classes: C.
        ignore_index: Label of pixels that do not count.
        prefix: In front of the figures' names.

    Attributes:
        level: Threshold of each class, (C,), float, in 0..1, or one number.
        found: The result of the last evaluation; None before it.
    """

    def __init__(
        self,
        probabilities: Callable[[Tensor], Tensor],
        num_classes: int,
        ignore_index: int,
        prefix: str,
    ) -> None:
        super().__init__(prefix=prefix)
        self.probabilities = probabilities
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.level: Tensor | float = 1.0
        self.found: KeptPixels | None = None
        self._counts: Tensor | None = None

    def process(
        self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]
    ) -> None:
        """Count the pixels of a batch.

        Args:
            data_batch: Not read.
            data_samples: Predictions with logits, (C, H, W), classes and true masks;
                others do not count.
        """
        for sample in data_samples:
            if not sample.keys() >= NEEDED:
                continue
            logits = sample["seg_logits"]["data"]
            confidence = self._confidence(logits)
            classes = sample["pred_sem_seg"]["data"][0].long()
            labels = sample["gt_sem_seg"]["data"][0].to(classes.device)
            level = torch.as_tensor(self.level, device=confidence.device)
            kept = confidence >= level.to(confidence).expand(self.num_classes)[classes]
            numbers = torch.add(labels == classes, classes, alpha=2)
            numbers = torch.add(kept, numbers, alpha=2)
            numbers = torch.add(to_level(confidence), numbers, alpha=LEVELS)
            size = 4 * LEVELS * self.num_classes
            numbers = numbers.masked_fill(labels == self.ignore_index, size)
            counts = histogram(numbers, size + 1)[:size].double()
            self._counts = counts if self._counts is None else self._counts + counts

    def _confidence(self, logits: Tensor) -> Tensor:
        """Highest probability of each pixel, (H, W); a few rows at a time."""
        rows = max(VALUES // max(logits[:, :1].numel(), 1), 1)
        parts = [
            self.probabilities(part.float()).amax(dim=0)
            for part in logits.split(rows, dim=1)
        ]
        return torch.cat(parts)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """The figures in percent, of :attr:`found`.

        Args:
            results: Not read.
        """
        found = self.found
        if found is None:
            return {}
        figures = {PRECISION: found.precision, KEPT: found.kept}
        of_classes = zip(found.classes, found.class_precisions, strict=True)
        figures.update({f"{PRECISION}/{name}": value for name, value in of_classes})
        return {name: round(100 * value, 2) for name, value in figures.items()}

    def evaluate(self, size: int) -> dict[str, float]:
        """The figures of all images, of all processes.

        Args:
            size: Number of images, which is not read: an image that a process repeats
                counts twice.
        """
        shape = (self.num_classes, 2, 2, LEVELS)
        counts = self._counts
        if counts is None:
            counts = torch.zeros(shape, dtype=torch.float64)
        all_reduce(counts)
        level = torch.as_tensor(self.level, dtype=torch.float64).cpu()
        names = (self.dataset_meta or {}).get("classes")
        self.found = KeptPixels(
            counts.view(shape).cpu().numpy(),
            level.expand(self.num_classes).numpy(),
            names or [str(number) for number in range(self.num_classes)],
        )
        self._counts = None
        found = self.compute_metrics([])
        return {f"{self.prefix}/{name}": value for name, value in found.items()}
