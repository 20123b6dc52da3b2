"""``validation.npz``: confusions, and small label maps of images of a validation."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.records import parse_record
from mmseg_semisup.pseudo_masks.network import Labels
from mmseg_semisup.pseudo_masks.statistics import Statistics, collect, measure

FILE = "validation.npz"
KEPT = 200
"""Greatest number of images whose label maps are kept."""
SIDE = 384
"""Greatest side of a kept map, in pixels."""
EXTREMES = 3
"""Best and worst images of which the confidence is kept, too."""
GROUP = 16
"""Images that leave the device together."""
IGNORED = 255
META = {
    "iteration": int,
    "images": int,
    "paths": [str],
    "scores": [float],
    "sizes": [[int]],
}
LARGEST = 1 << 28
"""Bytes of a file that is read."""


@dataclass
class Scene:
    """A validated image.

    Attributes:
        path: Its file.
        score: Mean IoU in percent, over the classes in its mask or its prediction.
        size: Height and width of the image, in pixels.
        truth: (H, W), uint8, true classes; 255 is ignored.
        labels: (H, W), uint8, predicted classes.
        confidence: (H, W), uint8, probability of the predicted class, 255 is 1; None:
            not kept.
    """

    path: str
    score: float
    size: tuple[int, int]
    truth: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    confidence: NDArray[np.uint8] | None = None


@dataclass
class Validation:
    """What the last validation has shown.

    Attributes:
        iteration: When it was.
        images: Number of all images.
        scenes: Those that were kept.
        confusion: (C, C), int64, pixels by true class (rows) and predicted class; None:
            not counted.
        counts: Numbers of :func:`~mmseg_semisup.pseudo_masks.statistics.measure`, of
            the kept images; None: not counted.
    """

    iteration: int
    images: int
    scenes: list[Scene] = field(default_factory=list)
    confusion: NDArray[np.int64] | None = None
    counts: NDArray[np.float64] | None = None

    def statistics(self, classes: int) -> Statistics | None:
        """Confidence and its accuracy, of every kept image; None: not counted.

        Args:
            classes: Number of classes.
        """
        if self.counts is None:
            return None
        number = len(self.scenes)
        found = collect(self.counts, True, classes)
        return found._replace(images=number, with_truth=number)


class Kept(NamedTuple):
    """What one process, or all of them, kept of a validation.

    Attributes:
        scenes: The kept images.
        counts: As in :class:`Validation`.
    """

    scenes: list[Scene]
    counts: NDArray[np.float64] | None = None


def merged(parts: Sequence[Kept]) -> Kept:
    """What several processes kept, as that of one.

    Args:
        parts: One of each process.
    """
    counts = [part.counts for part in parts if part.counts is not None]
    scenes = [scene for part in parts for scene in part.scenes]
    _drop_confidence(scenes)
    return Kept(scenes, np.sum(counts, axis=0) if counts else None)


def stride(size: Sequence[int]) -> int:
    """Distance of the pixels that are kept, in rows and in columns.

    Args:
        size: Height and width of an image, in pixels.
    """
    return max(1, math.ceil(max(size) / SIDE))


class Gatherer:
    """Keeps what :class:`Validation` holds while images are predicted.

    Args:
        size: Number of images that this process predicts.
        classes: Number of classes.
        ignore_index: Label of pixels that do not count.
        kept: Greatest number of images that are kept.
    """

    def __init__(
        self, size: int, classes: int, ignore_index: int = IGNORED, kept: int = KEPT
    ) -> None:
        self.classes = classes
        self.ignore_index = ignore_index
        self.scenes: list[Scene] = []
        self._counts: Tensor | None = None
        self._every = max(1, math.ceil(size / max(1, kept)))
        self._seen = 0
        self._waiting: list[tuple[str, tuple[int, int], Tensor, Tensor]] = []

    def wants(self) -> bool:
        """Whether the next image is one that is kept; call it once for each image."""
        self._seen += 1
        return (self._seen - 1) % self._every == 0

    def add(
        self,
        path: str,
        predicted: Tensor,
        truth: Tensor,
        areas: Tensor,
        confidence: Tensor | None = None,
    ) -> None:
        """Keep an image.

        Args:
            path: Its file.
            predicted: (H, W), predicted classes, on any device.
            truth: (H, W), true classes.
            areas: (4, C), intersection, union, prediction and label of each class.
            confidence: Probability of the predicted class, in 0..1, of every
                :func:`stride`-th row and column; or None.
        """
        size = (predicted.shape[0], predicted.shape[1])
        step = stride(size)
        labels = predicted[::step, ::step].to(torch.uint8)
        true = truth[::step, ::step].to(predicted.device)
        true = true.masked_fill(true == self.ignore_index, IGNORED).to(torch.uint8)
        maps = [labels, true]
        if confidence is not None:
            sure = confidence.float()
            counted = measure(Labels(labels, sure), true, self.classes)
            before = self._counts
            self._counts = counted if before is None else before + counted
            maps.append((sure * 255).round().to(torch.uint8))
        found = areas[1] > 0
        shares = areas[0] / areas[1].clamp(min=1)
        score = 100 * (shares * found).sum() / found.sum()
        self._waiting.append((path, size, torch.stack(maps), score))
        if len(self._waiting) >= GROUP:
            self.flush()

    def flush(self) -> None:
        """Take what was kept from the device."""
        for path, size, maps, score in self._waiting:
            labels, truth, *more = maps.cpu().numpy()
            value = float(score)
            if math.isfinite(value):
                confidence = more[0] if more else None
                scene = Scene(path, value, size, truth, labels, confidence)
                self.scenes.append(scene)
        self._waiting = []
        _drop_confidence(self.scenes)

    def kept(self) -> Kept:
        """All that was kept."""
        self.flush()
        counts = None if self._counts is None else self._counts.cpu().numpy()
        return Kept(self.scenes, counts)


def _drop_confidence(scenes: Sequence[Scene]) -> None:
    """Only the best and the worst ones are shown with their confidence."""
    for scene in sorted(scenes, key=lambda scene: scene.score)[EXTREMES:-EXTREMES]:
        scene.confidence = None


def write_validation(work_dir: Path, found: Validation) -> None:
    """Write the file.

    Raises:
        WriteError: If that fails.
    """
    meta = {
        "iteration": found.iteration,
        "images": found.images,
        "paths": [scene.path for scene in found.scenes],
        "scores": [scene.score for scene in found.scenes],
        "sizes": [list(scene.size) for scene in found.scenes],
    }
    text = json.dumps(meta).encode()
    arrays: dict[str, Any] = {"meta": np.frombuffer(text, np.uint8)}
    if found.confusion is not None:
        arrays["confusion"] = found.confusion
    if found.counts is not None:
        arrays["counts"] = found.counts
    for number, scene in enumerate(found.scenes):
        arrays[f"truth_{number}"] = scene.truth
        arrays[f"labels_{number}"] = scene.labels
        if scene.confidence is not None:
            arrays[f"confidence_{number}"] = scene.confidence
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    atomic_write(work_dir / FILE, content.getvalue())


def read_validation(work_dir: Path) -> Validation | None:
    """Read the file; None: there is none, or it cannot be used.

    Args:
        work_dir: Work-dir of a training.
    """
    path = work_dir / FILE
    try:
        if path.stat().st_size > LARGEST:
            return None
        with np.load(io.BytesIO(read_plain(path)), allow_pickle=False) as arrays:
            return _read(arrays)
    # A damaged archive raises errors of zlib, zipfile and numpy.
    except Exception:
        return None


def _read(arrays: Mapping[str, NDArray[Any]]) -> Validation:
    meta = parse_record(arrays["meta"].tobytes(), META)
    scenes = []
    rows: Sequence[Any] = list(
        zip(meta["paths"], meta["scores"], meta["sizes"], strict=True)
    )
    for number, (path, score, size) in enumerate(rows):
        truth, labels = (_map(arrays, f"{k}_{number}") for k in ("truth", "labels"))
        key = f"confidence_{number}"
        confidence = _map(arrays, key) if key in arrays else None
        scenes.append(Scene(path, score, (size[0], size[1]), truth, labels, confidence))
    found = Validation(meta["iteration"], meta["images"], scenes)
    if "confusion" in arrays:
        found.confusion = arrays["confusion"].astype(np.int64)
    if "counts" in arrays:
        found.counts = arrays["counts"].astype(np.float64)
    return found


def _map(arrays: Mapping[str, NDArray[Any]], key: str) -> NDArray[np.uint8]:
    found = arrays[key]
    if found.dtype != np.uint8 or found.ndim != 2 or max(found.shape) > SIDE:
        raise ValueError(f"{key} is no map")
    return found
