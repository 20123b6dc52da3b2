"""Metrics of a classifier of image labels (Mittal 2019, Fig. 12)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from mmseg.registry import METRICS

from mmseg_semisup.compat import load_scikit_learn
from mmseg_semisup.core.atomic_io import atomic_write

from .roc import RocCurve, draw_roc

GRID = tuple(round(0.05 * i, 2) for i in range(1, 20))


def average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean of the precision over all thresholds, weighted by the increase in recall.

    Args:
        scores: (N,), float.
        labels: (N,), 0 or 1.

    Returns:
        A value in 0..1; NaN if no label is 1.
    """
    if not np.any(labels):
        return float("nan")
    metrics = load_scikit_learn("metrics", "average_precision")
    return float(metrics.average_precision_score(labels, scores))


def roc_curve(scores: np.ndarray, labels: np.ndarray) -> RocCurve:
    """The curve over all thresholds; NaN if there is no positive or no negative label.

    Args:
        scores: (N,), float.
        labels: (N,), 0 or 1.
    """
    metrics = load_scikit_learn("metrics", "roc_curve")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        curve = metrics.roc_curve(labels, scores, drop_intermediate=False)
    return RocCurve(*curve)


def f1_score(scores: np.ndarray, labels: np.ndarray, threshold: float) -> float:
    """F1 of all pairs of image and class, in 0..1; scores above the threshold count."""
    # Not scikit-learn's, which takes 75 times as long on 500,000 scores.
    positive = scores > threshold
    labels = labels.astype(bool)
    hits = np.sum(positive & labels)
    total = np.sum(positive) + np.sum(labels)
    return float(2 * hits / total) if total else 0.0


def cross_validate_threshold(
    scores: np.ndarray,
    labels: np.ndarray,
    folds: int = 5,
    grid: Sequence[float] = GRID,
    seed: int = 0,
) -> tuple[float, float]:
    """Choose a threshold by cross-validation over the images.

    Each fold of images is scored with the threshold of the best F1 on the others, the
    middle one if several are equally good.

    Args:
        scores: (N, C), 0..1.
        labels: (N, C), 0 or 1.
        folds: Number of folds; at most N.
        grid: Thresholds to choose from.
        seed: Of the division into folds.

    Returns:
        The median of the chosen thresholds, on the grid, and the mean F1 of the folds,
        in 0..1.

    Raises:
        ValueError: If there are fewer than two images or folds.
    """
    folds = min(folds, len(scores))
    if folds < 2:
        raise ValueError(
            f"cross-validation of {len(scores)} images in {folds} folds; both must be "
            "at least 2"
        )
    order = np.random.default_rng(seed).permutation(len(scores))
    chosen, reached = [], []
    for fold in np.array_split(order, folds):
        others = np.setdiff1d(order, fold)
        values = np.array([f1_score(scores[others], labels[others], t) for t in grid])
        best = np.flatnonzero(values == values.max())
        chosen.append(grid[best[(len(best) - 1) // 2]])
        reached.append(f1_score(scores[fold], labels[fold], chosen[-1]))
    return float(sorted(chosen)[(folds - 1) // 2]), float(np.mean(reached))


@METRICS.register_module()
class MultiLabelMetric(BaseMetric):
    """mAP, area under the ROC curve, F1 and the best threshold, in percent.

    The curve takes all pairs of image and class together. Classes that no image shows
    have no average precision; they are named in the log and left out of the mean.

    Args:
        folds: Folds for the choice of the threshold; 0: none is chosen.
        threshold: Threshold of the reported F1.
        ignore_classes: Names of classes that do not count, e.g. a background in every
            image.
        out_dir: Folder for ``roc.json`` and ``roc.png``; None: neither is written.
        collect_device: 'cpu' or 'gpu', for several processes.
        prefix: Prefix of the metrics' names.

    Raises:
        ValueError: If scikit-learn is missing.
    """

    def __init__(
        self,
        folds: int = 5,
        threshold: float = 0.2,
        ignore_classes: Sequence[str] = ("background",),
        out_dir: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix)
        load_scikit_learn("metrics", "MultiLabelMetric")
        self.folds = folds
        self.threshold = threshold
        self.ignore_classes = tuple(ignore_classes)
        self.out_dir = out_dir

    def process(
        self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]
    ) -> None:
        """Store scores and labels of a batch.

        Raises:
            ValueError: If a sample has no scores or no labels.
        """
        for sample in data_samples:
            for key in ("pred_image_scores", "gt_image_labels"):
                if key not in sample:
                    raise ValueError(
                        f"MultiLabelMetric: a sample has no {key}; the model must be "
                        "a MultiLabelMeanTeacher, and the pipeline end with "
                        "LoadImageLabels and PackImageLabels"
                    )
            pair = (sample["pred_image_scores"], sample["gt_image_labels"])
            self.results.append(tuple(value.float().cpu().numpy() for value in pair))

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Percentages over all images."""
        scores, labels = (np.stack(part).astype(np.float64) for part in zip(*results))  # noqa: B905
        names = (self.dataset_meta or {}).get("classes") or range(scores.shape[1])
        names = [str(name) for name in names]
        if len(names) != scores.shape[1]:
            raise ValueError(
                f"the classifier has {scores.shape[1]} classes, the data {len(names)}"
            )
        kept = [i for i, name in enumerate(names) if name not in self.ignore_classes]
        scores, labels = scores[:, kept], labels[:, kept]
        precisions = {
            names[i]: average_precision(scores[:, k], labels[:, k])
            for k, i in enumerate(kept)
        }
        unseen = [name for name, value in precisions.items() if np.isnan(value)]
        logger = MMLogger.get_current_instance()
        if unseen:
            print_log(
                f"no image shows {', '.join(unseen)}; not in mAP", logger, level=30
            )
        known = [value for value in precisions.values() if not np.isnan(value)]
        curve = roc_curve(scores.ravel(), labels.ravel())
        metrics = {
            "mAP": 100 * float(np.mean(known)) if known else float("nan"),
            "AUC": 100 * curve.area,
            "F1": 100 * f1_score(scores, labels, self.threshold),
        }
        if self.folds and len(scores) > 1:
            best, value = cross_validate_threshold(scores, labels, self.folds)
            metrics.update({"best_threshold": best, "best_F1": 100 * value})
        if self.out_dir is not None and is_main_process():
            self._write(Path(self.out_dir), curve, precisions)
        return metrics

    def _write(
        self, folder: Path, curve: RocCurve, precisions: dict[str, float]
    ) -> None:
        content = {
            "area": curve.area,
            "false_positive": curve.false_positive.tolist(),
            "true_positive": curve.true_positive.tolist(),
            "average_precision": {
                k: None if np.isnan(v) else v for k, v in precisions.items()
            },
        }
        atomic_write(folder / "roc.json", json.dumps(content).encode())
        draw_roc({"classifier": curve}, folder / "roc.png")
