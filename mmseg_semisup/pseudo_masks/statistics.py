"""Counts predicted classes, confidence, and agreement with true masks."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from mmseg.datasets.transforms import LoadAnnotations
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.errors import ImageFileError, StoreError
from mmseg_semisup.datasets.files import check_labels
from mmseg_semisup.datasets.read_image import load
from mmseg_semisup.evaluation.confidence_levels import LEVELS, to_level

from .images import Item
from .network import Labels

IGNORED = 255
_STATES = 3  # no truth, wrong, right


class Statistics(NamedTuple):
    """Sums over the images of a source.

    ``levels`` are confidences of 8 bits: level k is the probability k / 255.

    Attributes:
        images: Number of images.
        with_truth: Number of images with a true mask.
        confidence: Sum of the confidence over all pixels.
        levels: Pixels of each level, (3, 256): without truth, wrong, right.
        classes: Pixels of each predicted class, (3, C): without truth, wrong, right.
        truth: Pixels of each true class, (C,).
    """

    images: int
    with_truth: int
    confidence: float
    levels: NDArray[np.int64]
    classes: NDArray[np.int64]
    truth: NDArray[np.int64]

    def __add__(  # type: ignore[override]  # sums where a tuple would append
        self, other: Statistics
    ) -> Statistics:
        """Sum of both statistics."""
        return Statistics(*map(operator.add, self, other))

    def to_json(self) -> dict[str, Any]:
        """Convert to numbers and lists."""
        return {k: np.asarray(v).tolist() for k, v in self._asdict().items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Statistics:
        """The reverse of :meth:`to_json`."""
        fields: dict[str, Any] = {
            k: np.array(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**fields)


def sum_by_source(
    parts: Iterable[tuple[str, Statistics]],
) -> dict[str, Statistics]:
    """Sum the statistics of each source."""
    totals: dict[str, Statistics] = {}
    for source, one in parts:
        totals[source] = totals[source] + one if source in totals else one
    return totals


def measure(labels: Labels, truth: Tensor | None, num_classes: int) -> Tensor:
    """Count the pixels of one image on its device, without those that have no label.

    Args:
        labels: Labels of the network; class 255: none.
        truth: (H, W), uint8, true classes with 255 for ignored pixels; or None.
        num_classes: C.

    Returns:
        (1 + 3 * 256 + 3 * C + C,), float64, for :func:`collect`.
    """
    classes, level = labels.classes, to_level(labels.confidence)
    if truth is None:
        state = torch.zeros((), dtype=torch.int16, device=classes.device)
        true_counts = torch.zeros(num_classes, device=classes.device)
    else:
        truth = truth.to(classes.device, non_blocking=True)
        state = (truth != IGNORED).short() + (truth == classes)
        clipped = truth.clamp(max=num_classes).flatten()
        true_counts = clipped.bincount(minlength=num_classes + 1)[:num_classes]
    silent = classes == IGNORED
    by_level = _count(state * LEVELS + level, silent, _STATES * LEVELS)
    by_class = _count(state * num_classes + classes, silent, _STATES * num_classes)
    confidence = labels.confidence.masked_fill(silent, 0)
    total = confidence.sum(dtype=torch.float64)
    return torch.cat([total[None], by_level, by_class, true_counts])


def _count(numbers: Tensor, silent: Tensor, size: int) -> Tensor:
    """Count each number in 0..size-1, where not silent: (size,), int64."""
    numbers = numbers.int().masked_fill(silent, size)
    return numbers.flatten().bincount(minlength=size + 1)[:size]


def collect(
    counted: NDArray[np.float64], has_truth: bool, num_classes: int
) -> Statistics:
    """Statistics of one image.

    Args:
        counted: The result of :func:`measure`.
        has_truth: Whether there was a true mask.
        num_classes: C.
    """
    sizes = np.cumsum([_STATES * LEVELS, _STATES * num_classes])
    levels, classes, truth = np.split(counted[1:].astype(np.int64), sizes)
    by_state = levels.reshape(_STATES, -1), classes.reshape(_STATES, -1)
    return Statistics(1, int(has_truth), float(counted[0]), *by_state, truth)


def load_truth(item: Item, size: tuple[int, int], num_classes: int) -> Tensor | None:
    """Read the true mask of an image, if it has one.

    Args:
        item: The image.
        size: Its height and width.
        num_classes: C; larger values are mistakes, except for the ignored label.

    Returns:
        (H, W), uint8, in 0..C-1 or 255, which is ignored.

    Raises:
        StoreError: If the mask cannot be used; the message names it.
    """
    if item.mask is None:
        return None
    results = {"label_map": None, "reduce_zero_label": False, **item.mask}
    results["seg_fields"] = []
    try:
        mask = load(LoadAnnotations(reduce_zero_label=None), results)["gt_seg_map"]
        ignored = results.get("ignore_index", IGNORED)
        check_labels(mask, tuple(size), num_classes, ignored)
        mask[mask == ignored] = IGNORED
    except ImageFileError as error:
        raise StoreError(str(error)) from error
    except Exception as error:
        path = item.mask["seg_map_path"]
        raise StoreError(f"{path}: {type(error).__name__}: {error}") from error
    return torch.from_numpy(np.ascontiguousarray(mask, dtype=np.uint8))
