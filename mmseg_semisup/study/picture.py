"""Draws the gains of a study by method and number of masks, and their cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mmseg_semisup.core.figures import draw_figure

from .gains import Row, make_rows, score
from .plan import ALL_MASKS
from .table import memory


def draw_study(record: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Draw a study.

    On the left the gain over the baseline: a large mark is the mean, small ones are the
    seeds, and a dashed line is training with all masks. On the right the time.

    Args:
        record: ``results.json`` of a study.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    rows = make_rows(record)
    figure = Figure(figsize=(11, 4.8), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    compared = [row for row in rows if row.gains() and row.split != ALL_MASKS]
    methods = list(dict.fromkeys(row.method for row in compared))
    colors = {method: f"C{i % 10}" for i, method in enumerate(methods)}
    splits = [s for s in record["splits"] if any(row.split == s for row in rows)]
    _draw_gains(left, compared, splits, colors)
    _draw_headroom(left, rows, splits)
    left.axhline(0, color="0.3", linewidth=1, label="baseline")
    places = {row.split: row.masks for row in rows}
    left.set_xticks(range(len(splits)), [f"{places[s]} masks" for s in splits])
    left.set_xlim(-0.6, max(len(splits), 1) - 0.4)
    left.set_ylabel("gain in mIoU after the last iteration, points")
    left.grid(axis="y", alpha=0.3)
    left.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    _draw_costs(right, compared, colors)
    figure.suptitle(f"Study {record['study']}: gain over {record['baselines'][0]}")
    return draw_figure(figure)


def _draw_gains(
    axes: Axes, rows: Sequence[Row], splits: Sequence[str], colors: Mapping[str, str]
) -> None:
    for number, (method, color) in enumerate(colors.items()):
        own = [row for row in rows if row.method == method]
        offset = 0.8 * ((number + 0.5) / len(colors) - 0.5)
        places = [splits.index(row.split) + offset for row in own]
        means = [fmean(row.gains()) for row in own]
        seeds = max(len(row.gains()) for row in own)
        label = f"{method}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
        axes.plot(places, means, "o-", color=color, markersize=9, label=label)
        for place, row, mean in zip(places, own, means, strict=True):
            gains = row.gains()
            axes.plot(
                [place] * len(gains), gains, ".", color="0.2", markersize=5, zorder=3
            )
            axes.annotate(
                f"{mean:+.1f}",
                (place, mean),
                (9, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )


def _draw_headroom(axes: Axes, rows: Sequence[Row], splits: Sequence[str]) -> None:
    """A dashed line for each list: what all masks gain over the baseline."""
    label = "all masks"
    for place, split in enumerate(splits):
        for row in rows:
            if row.split != split or not row.ceiling or not row.baseline:
                continue
            gains = [
                score(row.ceiling[seed]) - score(base)
                for seed, base in row.baseline.items()
                if seed in row.ceiling
            ]
            if gains:
                height, ends = fmean(gains), (place - 0.45, place + 0.45)
                axes.hlines(height, *ends, colors="0.4", linestyles="--", label=label)
                label = "_"
                break


def _draw_costs(axes: Axes, rows: Sequence[Row], colors: Mapping[str, str]) -> None:
    costs = {row.method: row.cost() for row in reversed(rows)}
    known = {name: costs[name] for name in reversed(costs) if costs[name] is not None}
    bars = axes.barh(
        list(known),
        [value or 0.0 for value in known.values()],
        color=[colors[name] for name in known],
    )
    sizes = {row.method: memory(row) for row in rows}
    labels = [
        ", ".join(filter(None, [f"{value:.1f}", sizes[name]]))
        for name, value in known.items()
    ]
    axes.bar_label(bars, labels, padding=3, fontsize=9)
    axes.axvline(1, color="0.3", linewidth=1)
    axes.invert_yaxis()
    axes.margins(x=0.45)
    axes.set_xlabel("time, baseline = 1; peak memory")
