"""Number and accuracy of the pixels that a confidence selects (Hung 2018, Table 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from mmseg.registry import METRICS
from prettytable import PrettyTable


@METRICS.register_module()
class SelectedPixelAccuracy(BaseMetric):
    """Share and accuracy of the pixels whose confidence exceeds a threshold.

    The predictions must carry the map: ``model.test_cfg.signal_maps=True``.

    Args:
        thresholds: Confidences above which a pixel is selected, in 0..1.
        signal: Name of the map, a ``PixelData`` (1, H, W) of each prediction; the name
            of the objective in front of it may be left out if it is the only such map.
        ignore_index: Label of pixels that do not count.
        collect_device: 'cpu' or 'gpu', for several processes.
        prefix: Prefix of the metrics' names.
    """

    default_prefix = "selected"

    def __init__(
        self,
        thresholds: Sequence[float] = (0.0, 0.1, 0.2, 0.3),
        signal: str = "confidence",
        ignore_index: int = 255,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix)
        self.thresholds = tuple(thresholds)
        self.signal = signal
        self.ignore_index = ignore_index

    def process(
        self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]
    ) -> None:
        """Count the pixels of a batch.

        Raises:
            ValueError: If the predictions carry no such map.
        """
        for sample in data_samples:
            names = (self.signal, self.signal.rpartition(".")[2])
            found = [name for name in names if name in sample]
            if not found:
                raise ValueError(
                    f"SelectedPixelAccuracy: predictions carry no map {self.signal!r};"
                    " set model.test_cfg.signal_maps=True and have an objective that "
                    "makes one"
                )
            label = sample["gt_sem_seg"]["data"].squeeze()
            right = sample["pred_sem_seg"]["data"].squeeze().to(label.device) == label
            confidence = sample[found[0]]["data"].squeeze().to(label.device)
            known = label != self.ignore_index
            thresholds = torch.tensor(self.thresholds, device=label.device)
            chosen = (confidence > thresholds.view(-1, 1, 1)) & known
            counts = torch.stack(
                [known.sum().expand(len(thresholds)), chosen.sum((1, 2)),
                 (chosen & right).sum((1, 2))]
            )  # fmt: skip
            self.results.append(counts.cpu())

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Percentages over all images, also printed as a table."""
        known, chosen, right = torch.stack(results).sum(0).double()
        shares = 100 * chosen / known.clamp(min=1)
        accuracies = 100 * right / chosen  # NaN where nothing is selected
        table = PrettyTable(["threshold", "selected %", "accuracy %"])
        metrics = {}
        rows = zip(self.thresholds, shares.tolist(), accuracies.tolist(), strict=True)
        for threshold, share, accuracy in rows:
            table.add_row([threshold, f"{share:.2f}", f"{accuracy:.2f}"])
            metrics[f"share@{threshold:g}"] = share
            metrics[f"accuracy@{threshold:g}"] = accuracy
        print_log("\n" + table.get_string(), MMLogger.get_current_instance())
        return metrics
