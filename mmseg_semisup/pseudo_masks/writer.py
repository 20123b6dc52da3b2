"""From a batch's logits to its files, and to the notes about them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.datasets.pseudo_mask_store import Store

from .images import Item
from .network import BatchPredictor
from .png import encode_png, full_palette
from .statistics import Statistics, collect, measure, to_level


class Finished(NamedTuple):
    """An image whose files are written."""

    record: dict[str, Any]
    source: str
    statistics: Statistics


class Writer:
    """From logits to files, in other threads as far as that helps.

    Args:
        store: The store.
        predictor: The network.
        confidence: Whether confidence is stored, too.
    """

    def __init__(
        self, store: Store, predictor: BatchPredictor, confidence: bool
    ) -> None:
        self.store, self.predictor, self.confidence = store, predictor, confidence
        self.palette = full_palette(predictor.palette)
        self.num_classes = len(predictor.classes)

    def submit(
        self,
        threads: ThreadPoolExecutor,
        batch: Sequence[Item],
        logits: Sequence[Tensor],
        sizes: Sequence[tuple[int, int]],
        truths: Sequence[Tensor | None],
    ) -> list[Future]:
        """Begin to write the files of a batch."""
        if not logits[0].is_cuda:
            return [
                threads.submit(self._label_and_write, logits, i, *each)
                for i, each in enumerate(zip(batch, sizes, truths, strict=True))
            ]
        # The device works for one thread; it is waited for once a batch.
        labels = [self.predictor.label(logits, i, s) for i, s in enumerate(sizes)]
        counted = torch.stack(
            [
                measure(label, truth, self.num_classes)
                for label, truth in zip(labels, truths, strict=True)
            ]
        )
        masks = torch.stack([label.classes for label in labels]).cpu().numpy()
        levels: list = [None] * len(batch)
        if self.confidence:
            maps = torch.stack([to_level(label.confidence) for label in labels])
            levels = list(maps.cpu().numpy())
        rows = counted.cpu().numpy()
        return [
            threads.submit(self._write, *each)
            for each in zip(batch, masks, levels, rows, truths, strict=True)
        ]

    def _label_and_write(
        self,
        logits: Sequence[Tensor],
        index: int,
        item: Item,
        size: tuple[int, int],
        truth: Tensor | None,
    ) -> Finished:
        with torch.inference_mode():
            labels = self.predictor.label(logits, index, size)
            row = measure(labels, truth, self.num_classes).numpy()
            level = to_level(labels.confidence).numpy() if self.confidence else None
        return self._write(item, labels.classes.numpy(), level, row, truth)

    def _write(
        self,
        item: Item,
        mask: NDArray[np.uint8],
        level: NDArray[np.uint8] | None,
        counted: NDArray[np.float64],
        truth: Tensor | None,
    ) -> Finished:
        statistics = collect(counted, truth is not None, self.num_classes)
        record = {
            "id": item.id,
            "image": item.image,
            "source": item.source,
            "size": list(mask.shape),
            "mean_confidence": round(statistics.confidence / mask.size, 6),
        }
        contents = {"masks": encode_png(mask, self.palette)}
        if level is not None:
            contents["confidence"] = encode_png(level)
        for kind, content in contents.items():
            atomic_write(self.store.path(kind, item.id), content)
            record[kind] = {"bytes": len(content), "crc32": zlib.crc32(content)}
        return Finished(record, item.source, statistics)


def journal_line(number: int, images: Sequence[Finished]) -> dict[str, Any]:
    """A finished batch, for the journal."""
    totals: dict[str, Statistics] = {}
    for image in images:
        before = totals.get(image.source)
        one = image.statistics
        totals[image.source] = one if before is None else before + one
    return {
        "batch": number,
        "images": [image.record for image in images],
        "statistics": {source: total.to_json() for source, total in totals.items()},
    }
