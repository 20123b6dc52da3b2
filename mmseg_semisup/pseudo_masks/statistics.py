"""Counts of predicted classes, confidence, and agreement with true masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmseg.datasets.transforms import LoadAnnotations
from torch import Tensor

from mmseg_semisup.core.errors import StoreError

from .images import Item
from .network import Labels

LEVELS = 256
IGNORED = 255
_STATES = 3  # no truth, wrong, right


@dataclass
class Statistics:
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
    levels: np.ndarray
    classes: np.ndarray
    truth: np.ndarray = field(repr=False)

    @classmethod
    def zero(cls, num_classes: int) -> Statistics:
        """Statistics of no image."""
        return cls(
            0,
            0,
            0.0,
            np.zeros((_STATES, LEVELS), np.int64),
            np.zeros((_STATES, num_classes), np.int64),
            np.zeros(num_classes, np.int64),
        )

    def __add__(self, other: Statistics) -> Statistics:
        """Statistics of both."""
        return Statistics(
            **{name: value + getattr(other, name) for name, value in vars(self).items()}
        )

    def to_json(self) -> dict[str, Any]:
        """Numbers and lists."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Statistics:
        """The reverse of :meth:`to_json`."""
        return cls(
            **{
                name: np.array(value, np.int64) if isinstance(value, list) else value
                for name, value in values.items()
            }
        )


def measure(labels: Labels, truth: Tensor | None, num_classes: int) -> Tensor:
    """Count one image on its device; pixels without a label are left out.

    Args:
        labels: What the network says; class 255: nothing.
        truth: (H, W), uint8, true classes with 255 for ignored pixels; or None.
        num_classes: C.

    Returns:
        (1 + 3 * 256 + 3 * C + C,), float64: what :func:`collect` takes apart.
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
    """How often each number of 0..size-1 is there, where not silent: (size,), int64."""
    numbers = numbers.int().masked_fill(silent, size)
    return numbers.flatten().bincount(minlength=size + 1)[:size]


def to_level(confidence: Tensor) -> Tensor:
    """Probabilities in 8 bits, rounded."""
    return (confidence * (LEVELS - 1)).round().to(torch.uint8)


def collect(counted: np.ndarray, has_truth: bool, num_classes: int) -> Statistics:
    """Statistics of one image.

    Args:
        counted: What :func:`measure` returned.
        has_truth: Whether there was a true mask.
        num_classes: C.
    """
    counts = counted[1:].astype(np.int64)
    levels, classes, truth = np.split(
        counts, np.cumsum([_STATES * LEVELS, _STATES * num_classes])
    )
    return Statistics(
        images=1,
        with_truth=int(has_truth),
        confidence=float(counted[0]),
        levels=levels.reshape(_STATES, LEVELS),
        classes=classes.reshape(_STATES, num_classes),
        truth=truth,
    )


def load_truth(item: Item, size: tuple[int, int], num_classes: int) -> Tensor | None:
    """Read the true mask of an image, if it has one.

    Args:
        item: The image.
        size: Its height and width.
        num_classes: Larger values than this and 255 are mistakes.

    Returns:
        (H, W), uint8.

    Raises:
        StoreError: If the mask cannot be used; names it.
    """
    if item.mask is None:
        return None
    loads = dict(item.loads or {})
    results = {"seg_map_path": item.mask, "seg_fields": [], **loads}
    results.setdefault("label_map", None)
    try:
        loaded = LoadAnnotations(reduce_zero_label=None)(
            {"reduce_zero_label": False} | results
        )
    except Exception as error:
        raise StoreError(f"{item.mask}: {type(error).__name__}: {error}") from error
    mask = loaded["gt_seg_map"]
    if mask.shape != tuple(size):
        raise StoreError(
            f"{item.mask} has shape {mask.shape}, its image {item.image} {tuple(size)}"
        )
    wrong = np.unique(mask[(mask >= num_classes) & (mask != IGNORED)])
    if len(wrong):
        raise StoreError(
            f"{item.mask} has the values {wrong[:5].tolist()}; allowed: 0 to "
            f"{num_classes - 1} and {IGNORED}"
        )
    return torch.from_numpy(np.ascontiguousarray(mask, dtype=np.uint8))
