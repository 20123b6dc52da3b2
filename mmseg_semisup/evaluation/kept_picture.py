"""Draws the precision of what thresholds keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mmseg_semisup.core.figures import draw_figure

from .confidence_levels import LEVELS
from .kept_pixels import KeptPixels

MOST_CLASSES = 10
"""Classes with a curve: those of the lowest precision."""


def draw_kept(
    checks: Mapping[str, KeptPixels],
    palette: Sequence[Sequence[int]],
    title: str = "",
) -> NDArray[np.uint8]:
    """Draw precision and kept share against the threshold, a diagram for each check.

    Args:
        checks: Title to the counted pixels; at least one.
        palette: RGB colour of each class, in 0..255.
        title: Of the picture.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    figure = Figure(figsize=(9, 4.4 * len(checks)), dpi=100, layout="constrained")
    figure.suptitle(title)
    rows = figure.subplots(len(checks), squeeze=False)[:, 0]
    for axes, (name, found) in zip(rows, checks.items(), strict=True):
        _draw(axes, name, found, palette)
    return draw_figure(figure)


def _draw(
    axes: Axes, name: str, found: KeptPixels, palette: Sequence[Sequence[int]]
) -> None:
    thresholds = np.arange(LEVELS) / (LEVELS - 1)
    precision, kept = found.curve()
    values = found.class_precisions
    # NaN, of classes without a kept pixel, sorts last.
    shown = np.argsort(values)[:MOST_CLASSES]
    for number in sorted(shown.tolist()):
        curve, _ = found.curve(number)
        if np.isnan(curve).all():
            continue
        colour = [channel / 255 for channel in palette[number]]
        value = values[number]
        said = "none kept" if np.isnan(value) else f"{100 * value:.1f} %"
        label = f"{found.classes[number]}: {said}"
        axes.plot(thresholds, 100 * curve, color=colour, linewidth=1, label=label)
        if not np.isnan(value):
            axes.plot(found.level[number], 100 * value, "o", color=colour, markersize=4)
    label = "all classes, right"
    if not np.isnan(found.precision):
        label = f"{label}: {100 * found.precision:.1f} %"
    axes.plot(thresholds, 100 * precision, color="black", linewidth=2, label=label)
    label = f"all classes, kept: {100 * found.kept:.1f} %"
    axes.plot(thresholds, 100 * kept, color="0.5", linestyle="--", label=label)
    lowest = float(found.level.min())
    if lowest < found.highest:
        label = f"thresholds used: {lowest:.3g} to {found.highest:.3g}"
        axes.axvspan(lowest, found.highest, color="0.9", label=label)
    else:
        label = f"threshold used: {found.highest:.3g}"
        axes.axvline(found.highest, color="0.7", label=label)
    axes.plot([0, 1], [0, 100], color="0.85", linewidth=1, zorder=0)
    axes.set(
        title=name,
        xlabel="threshold of the confidence",
        ylabel="%",
        xlim=(0, 1.01),
        ylim=(0, 101),
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
