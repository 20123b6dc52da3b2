"""Joins single images of a validation, in order, into batches of equal size."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from mmseg.structures import SegDataSample
from torch import Tensor

Item = TypeVar("Item")
Batch = Any
"""``inputs`` and ``data_samples`` as a data loader gives them, or anything else."""


def windows(
    loader: Iterable[Batch], values: int, channels: int
) -> Iterator[list[Batch]]:
    """Consecutive batches of a loader, as many as may be predicted before any is used.

    Args:
        loader: The data.
        values: Greatest number of predicted values of a window, if it has more than
            one batch.
        channels: Predicted values of a pixel.
    """
    window: list[Batch] = []
    used = 0
    for batch in loader:
        size = channels * pixels(batch) if kind(batch) else values
        if window and used + size > values:
            yield window
            window, used = [], 0
        window.append(batch)
        used += size
    if window:
        yield window


def timed(items: Iterable[Item]) -> Iterator[tuple[float, Item]]:
    """Each item, after the seconds that it was waited for.

    Args:
        items: What is waited for.
    """
    start = time.perf_counter()
    for item in items:
        yield time.perf_counter() - start, item
        start = time.perf_counter()


def groups(window: Sequence[Batch]) -> list[list[int]]:
    """Positions of the batches that can be predicted together, in order.

    Args:
        window: Batches of a loader. Those of one image each belong together if size,
            type and original size of their images are equal.
    """
    found: dict[Any, list[int]] = {}
    for position, batch in enumerate(window):
        found.setdefault(kind(batch) or position, []).append(position)
    return list(found.values())


def kind(batch: Batch) -> tuple[Any, ...] | None:
    """What batches of one image must have in common; None: it is not such a batch."""
    if not isinstance(batch, Mapping) or batch.keys() != {"inputs", "data_samples"}:
        return None
    images, samples = batch["inputs"], batch["data_samples"]
    if not _single(images, Tensor) or not _single(samples, SegDataSample):
        return None
    metainfo = samples[0].metainfo
    return (images[0].shape, images[0].dtype, metainfo.get("ori_shape"))


def pixels(batch: Batch) -> int:
    """Pixels of an image of one batch, as loaded or as the network sees it."""
    height, width = batch["inputs"][0].shape[-2:]
    rows, columns = batch["data_samples"][0].metainfo.get("ori_shape") or (0, 0)
    return max(height * width, rows * columns)


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of several.

    Args:
        batches: Batches of equal :func:`kind`.
    """
    if len(batches) == 1:
        return batches[0]
    return {
        key: [value for batch in batches for value in batch[key]] for key in batches[0]
    }


def _single(values: Any, cls: type) -> bool:
    # A stacked batch of images is a Tensor itself, and no list.
    found = isinstance(values, (list, tuple)) and len(values) == 1
    return found and isinstance(values[0], cls)
