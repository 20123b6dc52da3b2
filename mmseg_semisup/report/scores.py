"""Scores of classes, confusions, and the quality of labels, as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.engine.hooks.threshold_check_hook import PICTURE
from mmseg_semisup.pseudo_masks.quality import BINS, quality

from .chart import Series, line_chart
from .contents import Contents
from .markup import Html, el, join, table
from .pictures import dot, whole_picture

MATRIX = 24
"""Classes up to which the whole confusion matrix is shown."""
PAIRS = 15
"""Confusions that are listed, of more classes."""


def class_table(run: Contents, baseline: Contents | None = None) -> Html | None:
    """IoU of each class, the baseline's, and what the class is mostly taken for.

    Args:
        run: The training.
        baseline: The training to compare with, of the same classes.

    Returns:
        None if no IoU of classes was logged.
    """
    ious = run.ious
    if not ious:
        return None
    classes = run.classes
    confusion = run.validation.confusion if run.validation else None
    palette = run.facts.palette or class_palette(classes)
    base = baseline.ious if baseline else {}
    columns = ["class", "IoU", ""]
    if baseline is not None:
        columns += [baseline.title, "gain"]
    if confusion is not None:
        columns += ["pixels", "most often taken for"]
    rows = []
    for index, name in enumerate(classes):
        value = ious.get(name)
        mark = dot(palette[index]) if index < len(palette) else None
        row = [join([mark, name]), one_digit(value), _bar(value, base.get(name))]
        if baseline is not None:
            row += [one_digit(base.get(name)), difference(value, base.get(name))]
        if confusion is not None:
            row += [_share(confusion, index), _taken_for(confusion, index, classes)]
        rows.append(row)
    mean = [el("b", "mean"), el("b", one_digit(run.last)), ""]
    if baseline is not None:
        mean += [one_digit(baseline.last), difference(run.last, baseline.last)]
    if confusion is not None:
        mean += ["", ""]
    numbers = [i for i, name in enumerate(columns) if name not in ("class", "")]
    if confusion is not None:
        numbers = numbers[:-1]
    rows.append(mean)
    note = (
        f"IoU in percent in the last validation, of the {run.network}. A class that is "
        "neither in the masks nor in the predictions has none."
    )
    if baseline is not None:
        note += f" The line across a bar is {baseline.title}."
    return join([table(columns, rows, numbers), el("p", note, class_="note")])


def compare_classes(runs: Sequence[Contents]) -> Html | None:
    """IoU of each class in several trainings.

    Args:
        runs: The trainings, of the same classes.
    """
    if not any(run.ious for run in runs):
        return None
    classes = next((run.classes for run in runs if run.facts.classes), runs[0].classes)
    rows = []
    for name in classes:
        values = [run.ious.get(name) for run in runs]
        most = max((v for v in values if v is not None), default=None)
        cells = [_best(value, most) for value in values]
        rows.append([name, *cells])
    lasts = [run.last for run in runs]
    most = max((v for v in lasts if v is not None), default=None)
    rows.append([el("b", "mean"), *(_best(value, most) for value in lasts)])
    numbers = list(range(1, len(runs) + 1))
    return table(["class", *(run.title for run in runs)], rows, numbers)


def _best(value: float | None, most: float | None) -> Any:
    shown = one_digit(value)
    return el("b", shown) if value is not None and value == most else shown


def one_digit(value: float | None) -> str:
    """A percentage with one digit; nothing for None."""
    return "" if value is None else f"{value:.1f}"


def difference(value: float | None, base: float | None) -> Any:
    """A gain in points, green or red; nothing if one of both is not known."""
    if value is None or base is None:
        return ""
    gain = value - base
    kind = "good" if gain >= 0.05 else "bad" if gain <= -0.05 else None
    return el("span", f"{gain:+.1f}".replace("-", "\N{MINUS SIGN}"), class_=kind)


def _bar(value: float | None, base: float | None) -> Any:
    if value is None or not math.isfinite(value):
        return ""
    parts = [el("i", style=f"width:{min(max(value, 0), 100):.1f}%")]
    if base is not None and math.isfinite(base):
        parts.append(el("u", style=f"left:{min(max(base, 0), 100):.1f}%"))
    return el("span", *parts, class_="bar")


def _share(confusion: NDArray[np.int64], index: int) -> str:
    total = confusion.sum()
    return f"{100 * confusion[index].sum() / total:.1f} %" if total else ""


def _taken_for(confusion: NDArray[np.int64], index: int, classes: Sequence[str]) -> str:
    row = confusion[index].astype(float)
    total = row.sum()
    row[index] = 0
    if not total or not row.sum():
        return ""
    worst = int(row.argmax())
    return f"{classes[worst]}, {100 * row[worst] / total:.0f} % of its pixels"


def confusion_table(run: Contents) -> Html | None:
    """The confusion matrix, or, of many classes, the most frequent confusions.

    Args:
        run: The training.

    Returns:
        None if confusions were not counted.
    """
    found = run.validation.confusion if run.validation else None
    if found is None or not found.sum():
        return None
    classes = run.facts.classes
    rows = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
    intro = (
        "Percent of the pixels of each true class (row) that are predicted as each "
        "class (column)."
    )
    if len(classes) > MATRIX:
        return join([el("p", intro), _pairs(found, rows, classes)])
    cells = []
    for i, name in enumerate(classes):
        line = [el("th", f"{i} {name}", scope="row")]
        for j, share in enumerate(rows[i]):
            title = f"{name}, predicted as {classes[j]}: {100 * share:.2f} %"
            shown = f"{100 * share:.0f}" if share >= 0.005 else ""
            kind = "self" if i == j else None
            style = f"--v:{share:.3f}"
            line.append(el("td", shown, title=title, style=style, class_=kind))
        cells.append(el("tr", *line))
    head = [el("th", "")]
    head += [el("th", str(i), title=name) for i, name in enumerate(classes)]
    whole = el("table", el("thead", el("tr", *head)), el("tbody", *cells))
    return join([el("p", intro), el("div", whole, class_="scroll confusion")])


def _pairs(
    found: NDArray[np.int64], rows: NDArray[np.float64], classes: Sequence[str]
) -> Html:
    wrong = found.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None)[::-1][:PAIRS]
    total = found.sum()
    lines = []
    for place in order:
        i, j = divmod(int(place), len(classes))
        if wrong[i, j]:
            share = f"{100 * wrong[i, j] / total:.2f}"
            lines.append([classes[i], classes[j], f"{100 * rows[i, j]:.1f}", share])
    head = ["true class", "predicted as", "% of the class", "% of all pixels"]
    return table(head, lines, (2, 3))


def label_quality(run: Contents) -> Html | None:
    """How far the confidence can be trusted, and the quality of pseudo-masks.

    Args:
        run: The training.

    Returns:
        None if nothing was measured.
    """
    parts: list[Html] = []
    classes = run.facts.classes
    total = run.validation.statistics(len(classes)) if run.validation else None
    if total is not None:
        found = quality(total, classes)
        parts.append(
            el(
                "p",
                f"On {total.images} validation images, the {run.network} is "
                f"{one_digit(found['mean_confidence'])} % confident in the mean, and "
                f"{one_digit(found['accuracy'])} % of its pixels are right. If labels "
                "were taken above a threshold:",
            )
        )
        parts += [_thresholds(found), _calibration(found)]
    picture = whole_picture(run.folder / PICTURE, "labels above each threshold")
    if picture is not None:
        parts += [el("h3", "Labels that the objectives keep"), picture]
    if run.quality:
        parts.append(el("h3", "Pseudo-masks that this training learned from"))
        parts.append(_sources(run.quality))
    return join(parts) if parts else None


def _thresholds(found: Mapping[str, Any]) -> Html:
    triples = zip(
        found["thresholds"], found["kept"], found["accuracy_of_kept"], strict=True
    )
    rows = [[f"{t:g}", one_digit(k), one_digit(a)] for t, k, a in triples]
    head = ["confidence of at least", "pixels kept, %", "of them right, %"]
    return table(head, rows, (1, 2))


def _calibration(found: Mapping[str, Any]) -> Html:
    centres = [(i + 0.5) / BINS for i in range(BINS)]
    right = found["by_confidence"]["accuracy"]
    share = found["by_confidence"]["share"]
    pairs = [(x, y) for x, y in zip(centres, right, strict=True) if y is not None]
    pixels = [(x, y or 0.0) for x, y in zip(centres, share, strict=True)]
    series = [
        Series("right", pairs),
        Series("pixels", pixels, 7),
        Series("if the confidence were true", [(0, 0), (1, 100)], 7, dashed=True),
    ]
    title = "Right pixels, and all pixels, by confidence, percent"
    chart = line_chart(title, series, 0.0, 100.0, "confidence")
    return el("div", chart, class_="charts")


def _sources(found: Mapping[str, Mapping[str, Any]]) -> Html:
    rows = []
    for name, each in found.items():
        kept = dict(zip(each["thresholds"], each["kept"], strict=True)).get(0.9)
        values = [each["mean_confidence"], kept, each["mIoU"], each["accuracy"]]
        counts = [str(each["images"]), str(each["images_with_truth"])]
        rows.append([name, *counts, *map(one_digit, values)])
    head = [
        "source",
        "images",
        "with true masks",
        "mean confidence, %",
        "at least 0.9, %",
        "mIoU, %",
        "accuracy, %",
    ]
    return table(head, rows, range(1, 7))
