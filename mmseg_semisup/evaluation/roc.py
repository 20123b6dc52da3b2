"""ROC curves, and their pictures (Mittal 2019, Fig. 12)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from mmseg_semisup.compat import load_scikit_learn
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.figures import draw_figure, encode_picture
from mmseg_semisup.core.records import RecordError, read_record

FORM = {"false_positive": [float], "true_positive": [float]}
"""Thresholds may be infinite, and are not read."""


class RocCurve(NamedTuple):
    """A receiver operating characteristic.

    Attributes:
        false_positive: (K,), ascending from 0 to 1.
        true_positive: (K,), ascending from 0 to 1.
        thresholds: (K,), descending; scores of at least this are positive.
    """

    false_positive: np.ndarray
    true_positive: np.ndarray
    thresholds: np.ndarray

    @property
    def area(self) -> float:
        """Area under the curve, by trapezoids; NaN for a curve with NaN."""
        metrics = load_scikit_learn("metrics", "RocCurve")
        return float(metrics.auc(self.false_positive, self.true_positive))


def read_roc(path: str | Path) -> RocCurve:
    """Read the curve of a ``roc.json`` of :class:`MultiLabelMetric`, less thresholds.

    Raises:
        ValueError: If the file is missing or has another content.
    """
    try:
        content = read_record(path, FORM)
    except RecordError as error:
        raise ValueError(f"{path} is no roc.json: {error}") from error
    false, true = (np.asarray(content[f"{k}_positive"]) for k in ("false", "true"))
    if len(false) != len(true):
        raise ValueError(
            f"{path} is no roc.json: false_positive has {len(false)} numbers, "
            f"true_positive {len(true)}"
        )
    return RocCurve(false, true, np.full(len(false), np.nan))


def draw_roc(curves: Mapping[str, RocCurve], path: str | Path) -> None:
    """Draw curves into one picture.

    Args:
        curves: Title to curve.
        path: PNG file to write.
    """
    figure = Figure(figsize=(5, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for title, curve in curves.items():
        label = f"{title} (area {curve.area:.3f})"
        axes.plot(curve.false_positive, curve.true_positive, label=label)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.legend(loc="lower right")
    atomic_write(path, encode_picture(draw_figure(figure)))
