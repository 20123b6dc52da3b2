"""Draws losses and scores of trainings, and the scores of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.figures import draw_figure
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.records import RecordError, parse_record

Points = dict[int, dict[str, float]]
"""Iteration to the figures that were logged then."""

SCALARS = "*/vis_data/scalars.json"
LOSS = "loss"
SCORE = "mIoU"
CLASSES = "IoU/"
FORM = {"step?": int, "iter?": int}
STYLES = ("-", "--", ":", "-.")


def read_scalars(work_dir: str | Path) -> Points:
    """Read all figures that a training has logged, also one that was resumed.

    Args:
        work_dir: Its work-dir.

    Returns:
        Iteration to name to value; of an iteration that was repeated, the last values.

    Raises:
        ConfigError: If nothing was logged there.
    """
    files = sorted(Path(work_dir).glob(SCALARS))
    points: Points = {}
    for file in files:
        try:
            lines = read_plain(file).splitlines()
        except OSError as error:
            raise ConfigError(str(error)) from error
        for row, line in enumerate(lines, 1):
            if row == len(lines) and not line.endswith(b"}"):
                # A killed process may have written a part of it.
                continue
            try:
                entry: dict[str, Any] = parse_record(line, FORM)
            except RecordError as error:
                raise ConfigError(
                    f"{file}: line {row} is no line of a log: {error}"
                ) from error
            step = entry.pop("step", entry.get("iter", 0))
            figures = {k: v for k, v in entry.items() if isinstance(v, (int, float))}
            points.setdefault(step, {}).update(figures)
    if not points:
        raise ConfigError(
            f"no figures in {work_dir}: there is no {SCALARS}, as a training with the "
            "LocalVisBackend writes it"
        )
    return dict(sorted(points.items()))


def draw_training(runs: Mapping[str, Points]) -> np.ndarray:
    """Draw the sum of the losses, and the mIoU of each network, over iterations.

    Args:
        runs: Title to the figures of a training, of :func:`read_scalars`.

    Returns:
        (H, W, 3), uint8, RGB: one colour a training, one kind of line a network.
    """
    figure = Figure(figsize=(11, 4), dpi=100, layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for index, (title, points) in enumerate(runs.items()):
        color = f"C{index % 10}"
        drawn = _series(points, LOSS)
        losses.plot(*zip(*drawn, strict=True), color=color, label=title) if drawn else 0
        for number, name in enumerate(_networks(points)):
            series = _series(points, f"{name}{SCORE}")
            label = " ".join([title, name.rstrip("/")]).strip()
            label += f": last {series[-1][1]:.1f}, best {max(v for _, v in series):.1f}"
            x, y = zip(*series, strict=True)
            style = STYLES[number % len(STYLES)]
            scores.plot(x, y, style, color=color, marker=".", label=label)
    losses.set_ylabel("sum of the losses")
    scores.set_ylabel("validation mIoU, percent")
    for axes in (losses, scores):
        axes.set_xlabel("iteration")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(loc="best", fontsize=8)
    return draw_figure(figure)


def draw_classes(runs: Mapping[str, Points]) -> np.ndarray:
    """Draw the IoU of each class in the last validation of each training.

    Of several networks, the one with the best mIoU in that validation is shown.

    Args:
        runs: Title to the figures of a training, of :func:`read_scalars`.

    Returns:
        (H, W, 3), uint8, RGB: a group of bars for each class.

    Raises:
        ConfigError: If a training has logged no IoU of classes.
    """
    found = {title: _last_classes(title, points) for title, points in runs.items()}
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    count = len(found)
    figure = Figure(
        figsize=(8, 1.2 + len(names) * (0.14 + 0.16 * count)),
        dpi=100,
        layout="constrained",
    )
    axes = figure.add_subplot()
    height = 0.8 / count
    for index, (title, values) in enumerate(found.items()):
        places = np.arange(len(names)) + (index - (count - 1) / 2) * height
        widths = [values.get(name, np.nan) for name in names]
        bars = axes.barh(places, widths, height, label=title, color=f"C{index % 10}")
        labels = ["" if np.isnan(w) else f"{w:.1f}" for w in widths]
        axes.bar_label(bars, labels, padding=2, fontsize=7)
    axes.set_yticks(range(len(names)), labels=names)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("IoU in the last validation, percent")
    axes.legend(loc="lower right", fontsize=8)
    return draw_figure(figure)


def _series(points: Points, key: str) -> list[tuple[int, float]]:
    return [(step, values[key]) for step, values in points.items() if key in values]


def _networks(points: Points) -> Sequence[str]:
    """Beginnings of the names of scores: '' or 'student/', 'teacher/', ..."""
    keys = dict.fromkeys(key for values in points.values() for key in values)
    scores = [key for key in keys if f"/{key}".endswith(f"/{SCORE}")]
    return [key.removesuffix(SCORE) for key in scores]


def _last_classes(title: str, points: Points) -> dict[str, float]:
    for values in reversed(points.values()):
        names = [n for n in _networks({0: values}) if f"{n}{SCORE}" in values]
        if not names:
            continue
        best = max(names, key=lambda name: values[f"{name}{SCORE}"])
        start = f"{best}{CLASSES}"
        found = {k[len(start) :]: v for k, v in values.items() if k.startswith(start)}
        if found:
            return found
    raise ConfigError(
        f"{title}: no IoU of classes was logged; validate with an IoUMetric of mIoU"
    )
