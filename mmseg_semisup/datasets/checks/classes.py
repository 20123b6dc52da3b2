"""Reads masks until every class has been seen, and counts their pixels."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.mask_values import has_masks, mask_path, mask_values
from mmseg_semisup.datasets.pseudo_masks import PseudoMaskDataset
from mmseg_semisup.datasets.sources import SourceDataset, leaves

GOLDEN = 0.6180339887498949
Task = tuple[BaseDataset, int]
"""A dataset that reads files, and the index of a sample."""


@dataclass
class ClassCount:
    """The classes in masks, or in image labels.

    Attributes:
        names: Names of the classes, in the order of their numbers.
        total: Number of masks.
        read: Number of masks that were read.
        images: Number of masks read with each value, (256,).
        pixels: Number of pixels of each value, (256,); of image labels, of images.
        pseudo: Whether all masks are predictions of a network.
        faults: Masks that cannot be trained with, each with the reason.
    """

    names: Sequence[str]
    total: int
    read: int = 0
    images: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    pseudo: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def never(self) -> list[str]:
        """Names of the classes that no mask read shows."""
        return [name for i, name in enumerate(self.names) if not self.images[i]]

    @property
    def complete(self) -> bool:
        """Whether every class was seen, or every mask read."""
        return not self.never or self.read == self.total

    @property
    def shares(self) -> np.ndarray:
        """Share of the pixels of each class among those of all classes, (C,)."""
        pixels = self.pixels[: len(self.names)]
        return pixels / max(int(pixels.sum()), 1)

    def text(self) -> str:
        """One line: the classes that were seen, and those that were not."""
        never = self.never
        line = f"{len(self.names) - len(never)} of {len(self.names)} seen in "
        line += f"{self.read} of {self.total} {'pseudo-' if self.pseudo else ''}masks"
        return f"{line}; never: {shorten(never, 8)}" if never else line

    def problems(self) -> list[str]:
        """Sentences about classes that no mask shows, by name."""
        every = self.read == self.total
        whole = "no labelled image shows"
        part = f"none of the {self.read} masks read (of {self.total}) shows"
        found = [
            f"{whole if every else part} {name!r} (class {self.names.index(name)})"
            for name in self.never
        ]
        if found and self.only_extremes:
            found[0] += (
                "; the masks hold 0 and 255 only, and 255 counts as ignored: write 1 "
                "in place of 255"
            )
        return found

    @property
    def only_extremes(self) -> bool:
        """Whether the masks hold 0 and 255 only, as pictures in black and white do."""
        shown = np.flatnonzero(self.images)
        return shown.tolist() == [0, 255]

    @property
    def one_class(self) -> str | None:
        """The only class, where all masks were read and show no other one."""
        seen = [name for name in self.names if name not in self.never]
        alone = len(seen) == 1 < len(self.names) and self.read == self.total
        return seen[0] if alone else None


def count_classes(
    sources: Mapping[str, SourceDataset], seconds: float = math.inf
) -> ClassCount | None:
    """Read the masks of labelled sources until every class has been seen.

    Args:
        sources: Name of each source to its dataset; those with pseudo-masks count only
            if no other one has masks.
        seconds: Time after which reading ends.

    Returns:
        The count; None if no source has masks.
    """
    labeled = [leaf for s in sources.values() for leaf in leaves(s) if has_masks(leaf)]
    own = [leaf for leaf in labeled if not isinstance(leaf, PseudoMaskDataset)]
    if not labeled:
        return None
    count = _count(own or labeled, seconds, until_seen=True)
    count.pseudo = not own
    return count


def count_pixels(source: SourceDataset, seconds: float) -> ClassCount:
    """Count the pixels of each class in the masks of a source.

    Args:
        source: A dataset with masks.
        seconds: Time after which reading ends.
    """
    return _count(leaves(source), seconds, until_seen=False)


def validation_faults(source: SourceDataset, seconds: float) -> list[str]:
    """Masks that cannot be validated with, each with the reason.

    Args:
        source: The images that are validated.
        seconds: Time after which reading ends.
    """
    masked = [leaf for leaf in leaves(source) if has_masks(leaf)]
    return _count(masked, seconds, until_seen=False).faults


def _count(
    found: Sequence[BaseDataset], seconds: float, until_seen: bool
) -> ClassCount:
    names = next((c for d in found if (c := d.metainfo.get("classes"))), ())
    tasks = [(leaf, i) for leaf in found for i in range(len(leaf))]
    count = ClassCount(tuple(names), len(tasks))
    end = time.perf_counter() + seconds
    for leaf, index in spread(tasks):
        values = _values(leaf, index, count)
        count.read += 1
        count.pixels += values
        count.images += values > 0
        if until_seen and not count.never or time.perf_counter() > end:
            break
    return count


def spread(tasks: Sequence[Any]) -> Iterator[Any]:
    """All items of a list, neighbours far apart, in the same order each time."""
    size = len(tasks)
    stride = max(round(size * GOLDEN), 1)
    while math.gcd(stride, size) > 1:
        stride += 1
    for place in range(size):
        yield tasks[place * stride % size]


def _values(leaf: BaseDataset, index: int, count: ClassCount) -> np.ndarray:
    """Number of pixels of each value in a mask, (256,); faults are noted."""
    try:
        return mask_values(leaf, index, len(count.names))
    except ImageFileError as error:
        count.faults.append(str(error))
    except Exception as error:  # whatever a transform raises
        count.faults.append(f"{mask_path(leaf, index)}: {error}")
    return np.zeros(256, np.int64)
