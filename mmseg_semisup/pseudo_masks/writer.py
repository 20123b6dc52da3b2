"""Writes the masks of a batch, and returns their records and statistics."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.palette import full_palette
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.evaluation.confidence_levels import to_level

from .images import Item
from .network import MaskPredictor
from .statistics import Statistics, collect, measure


class Finished(NamedTuple):
    """An image with written files: its entry in the manifest, and its statistics."""

    record: dict[str, Any]
    statistics: Statistics


class Writer:
    """Converts logits to files, in other threads where that is faster.

    Args:
        store: The store.
        predictor: The network.
        confidence: Whether confidence is stored, too.
    """

    def __init__(
        self, store: Store, predictor: MaskPredictor, confidence: bool
    ) -> None:
        self.store, self.predictor = store, predictor
        self.kinds = ("masks", "confidence")[: 1 + confidence]
        self.palettes = full_palette(predictor.palette), None

    def submit(
        self,
        threads: ThreadPoolExecutor,
        batch: Sequence[Item],
        logits: Sequence[Tensor],
        sizes: Sequence[tuple[int, int]],
        truths: Sequence[Tensor | None],
    ) -> list[Future[Finished]]:
        """Start writing the files of a batch; each future returns a :class:`Finished`.

        Args:
            threads: The threads that write.
            batch: N images.
            logits: The result of the predictor for them.
            sizes: Height and width of each image's file.
            truths: Their true masks, (H, W), uint8, or None.
        """

        @torch.inference_mode()
        def label(i: int) -> list[Tensor]:
            labels = self.predictor.label(logits, i, sizes[i])
            counted = measure(labels, truths[i], len(self.predictor.classes))
            levels = to_level(labels.confidence) if len(self.kinds) > 1 else None
            maps = [counted, labels.classes, levels]
            return [each for each in maps if each is not None]

        numbers = range(len(batch))
        if logits[0].is_cuda:
            # One thread uses the device, and waits for it once for each batch.
            parts = zip(*map(label, numbers), strict=True)
            copied = [torch.stack(part).cpu() for part in parts]
            ready = list(zip(*copied, strict=True))
            return [
                threads.submit(self._write, batch[i], ready[i], truths[i])
                for i in numbers
            ]
        return [
            threads.submit(lambda i: self._write(batch[i], label(i), truths[i]), i)
            for i in numbers
        ]

    def _write(
        self, item: Item, parts: Sequence[Tensor], truth: Tensor | None
    ) -> Finished:
        counted, *maps = (part.numpy() for part in parts)
        statistics = collect(counted, truth is not None, len(self.predictor.classes))
        record = {
            "id": item.id,
            "image": item.image,
            "source": item.source,
            "size": list(maps[0].shape),
            "mean_confidence": round(statistics.confidence / maps[0].size, 6),
        }
        for kind, palette, values in zip(self.kinds, self.palettes, maps, strict=False):
            content = encode_labels(values, palette)
            atomic_write(self.store.path(kind, item.id), content)
            record[kind] = {"bytes": len(content), "crc32": zlib.crc32(content)}
        return Finished(record, statistics)
