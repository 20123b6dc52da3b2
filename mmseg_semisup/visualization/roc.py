"""ROC curves as a picture (Mittal 2019, Fig. 12)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmseg_semisup.engine.atomic_io import atomic_write
from mmseg_semisup.evaluation.multi_label import RocCurve


def draw_roc(curves: Mapping[str, RocCurve], path: str | Path) -> None:
    """Draw curves into one picture.

    Args:
        curves: Title to curve.
        path: PNG file to write.
    """
    figure = Figure(figsize=(5, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for title, curve in curves.items():
        label = f"{title} (area {curve.area:.3f})"
        axes.plot(curve.false_positive, curve.true_positive, label=label)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.legend(loc="lower right")
    content = io.BytesIO()
    figure.savefig(content, format="png")
    atomic_write(Path(path), content.getvalue())
