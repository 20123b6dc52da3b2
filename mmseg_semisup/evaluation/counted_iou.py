"""MMSegmentation's IoU, counted where the predictions are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from torch import Tensor

from mmseg_semisup.core.distributed import stop_together
from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.histogram import histogram
from mmseg_semisup.core.terminal import printable


@METRICS.register_module()
class CountedIoUMetric(IoUMetric):
    """``IoUMetric`` with the same numbers, for which a device is asked once.

    Pixels are counted by label and prediction in one pass; the counts stay on the
    device until all images are predicted. The arguments are those of ``IoUMetric``.
    Labels that are no class, which mmseg scores as mistakes, are an error.
    """

    results: list[Any]
    confusion: Tensor | None = None
    """(C + 2, C + 2), int64, pixels by label (rows) and prediction (columns) of this
    process's images in the last evaluation; the first and the last row and column are
    of numbers that are no class. None: nothing was counted, or there is one class."""
    _counted: Tensor | None = None
    _file: str = ""
    _no_class: list[tuple[str, Tensor]] | None = None

    def process(
        self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]
    ) -> None:
        """Count the pixels of some images.

        Args:
            data_batch: The batch.
            data_samples: Its predictions, with the labels.
        """
        for sample in data_samples:
            self._file = (
                sample.get("seg_map_path") or sample.get("img_path") or "a mask"
            )
            super().process(data_batch, [sample])

    def intersect_and_union(
        self, pred_label: Tensor, label: Tensor, num_classes: int, ignore_index: int
    ) -> Any:
        """Areas of each class in one image, in pixels; counts its pairs, too.

        Args:
            pred_label: (H, W), predicted classes.
            label: (H, W), true classes, of the same type.
            num_classes: Number of classes.
            ignore_index: Label of pixels that do not count.

        Returns:
            (4, num_classes), float32, on the device: intersection, union, prediction
            and label.
        """
        if num_classes == 1:
            # mmseg counts all numbers for an only class.
            areas = IoUMetric.intersect_and_union(pred_label, label, 1, ignore_index)
            return torch.stack(areas)
        pairs = count_pairs(pred_label, label, num_classes, ignore_index).long()
        self._counted = pairs if self._counted is None else self._counted + pairs
        inner = slice(1, -1)
        common = pairs.diagonal()[inner]
        labels = pairs.sum(1)
        if self._no_class is None:
            self._no_class = []
        self._no_class.append((self._file, labels[0] + labels[-1]))
        predicted, true = pairs.sum(0)[inner], labels[inner]
        areas = [common, predicted + true - common, predicted, true]
        return torch.stack(areas).float()

    def evaluate(self, size: int) -> dict[str, Any]:
        """The metrics of all images.

        Args:
            size: Number of images.

        Raises:
            DataError: If a label is no class, and not ignored.
        """
        stop_together(self._misfit())
        self.confusion, self._counted = self._counted, None
        areas: list[Tensor] = self.results
        if areas:
            self.results = list(torch.stack(areas).cpu())
        found: dict[str, Any] = super().evaluate(size)
        return found

    def _misfit(self) -> DataError | None:
        """The first mask with labels that are no class."""
        noted, self._no_class = self._no_class or [], None
        counts = torch.stack([count for _, count in noted]).tolist() if noted else []
        wrong = [(noted[i][0], int(n)) for i, n in enumerate(counts) if n]
        if not wrong:
            return None
        file, pixels = wrong[0]
        more = f", and in {len(wrong) - 1} more" if len(wrong) > 1 else ""
        last = len(self.dataset_meta["classes"]) - 1
        return DataError(
            f"{printable(file)}: {pixels} pixels have labels that are no class (0 to "
            f"{last}) and not {self.ignore_index}, which is ignored{more}; "
            "tools/check_data.py CONFIG --full names the values"
        )


def count_pairs(
    predicted: Tensor, label: Tensor, num_classes: int, ignore_index: int
) -> Tensor:
    """Pixels by label and prediction, without those that are ignored.

    Args:
        predicted: (H, W), predicted classes.
        label: (H, W), true classes, of the same type.
        num_classes: C, at least 2.
        ignore_index: Label of pixels that do not count.

    Returns:
        (C + 2, C + 2), on the device: rows of labels, columns of predictions. The first
        and the last ones of both are of numbers that are no class, which mmseg counts
        for the other of a pair.
    """
    side = num_classes + 2
    rows, columns = (x.long().clamp(-1, num_classes) for x in (label, predicted))
    pairs = torch.add(columns, rows, alpha=side).add_(side + 1)
    pairs = torch.add(pairs, label == ignore_index, alpha=side**2)
    return histogram(pairs, 2 * side**2)[: side**2].view(side, side)
