"""Measures and draws the quality of pseudo-masks that have true masks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.figures import draw_figure, encode_picture
from mmseg_semisup.core.records import RecordError, read_record
from mmseg_semisup.evaluation.confidence_levels import LEVELS, first_level

from .statistics import Statistics

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
BINS = 10
PERCENT = (float, None)
FORM = {
    "images": int,
    "images_with_truth": int,
    "mean_confidence": PERCENT,
    "mIoU": PERCENT,
    "accuracy": PERCENT,
    "thresholds": [float],
    "kept": [PERCENT],
}
"""What :func:`to_text` reads of a source, see :mod:`~mmseg_semisup.core.records`."""


def quality(total: Statistics, classes: Sequence[str]) -> dict[str, Any]:
    """The quality of a source's pseudo-masks.

    Args:
        total: Statistics of its images.
        classes: C names.

    Returns:
        Percentages. ``kept`` and ``accuracy_of_kept`` refer to pixels whose confidence
        is at least each threshold; ``by_confidence`` has ten equal bins. Values that
        need true masks are None without them.
    """
    wrong, right = total.classes[1], total.classes[2]
    union = total.truth + wrong  # right pixels are within truth
    has_truth = union > 0
    iou = np.full(len(classes), np.nan)
    iou[has_truth] = right[has_truth] / union[has_truth]
    known = int((wrong + right).sum())
    levels = total.levels
    starts = [first_level(t) for t in THRESHOLDS]
    bins = np.minimum(np.arange(LEVELS) * BINS // (LEVELS - 1), BINS - 1)
    by_bin = np.stack([np.bincount(bins, row, BINS) for row in levels])
    return {
        "images": total.images,
        "images_with_truth": total.with_truth,
        "mean_confidence": _percent(total.confidence, levels.sum()),
        "mIoU": _percent(np.nansum(iou), has_truth.sum()),
        "accuracy": _percent(right.sum(), known),
        "IoU": {
            name: None if np.isnan(value) else round(100 * float(value), 2)
            for name, value in zip(classes, iou, strict=True)
        },
        "thresholds": list(THRESHOLDS),
        "kept": [_percent(levels[:, s:].sum(), levels.sum()) for s in starts],
        "accuracy_of_kept": [
            _percent(levels[2, s:].sum(), levels[1:, s:].sum()) for s in starts
        ],
        "by_confidence": {
            "share": [_percent(each, levels.sum()) for each in by_bin.sum(axis=0)],
            "accuracy": [
                _percent(each[2], each[1:].sum()) for each in by_bin.transpose()
            ],
        },
    }


def write_quality(
    totals: Mapping[str, Statistics], classes: Sequence[str], folder: Path
) -> None:
    """Write ``quality.json`` and ``quality.png`` beside the masks.

    Args:
        totals: Name of each source to its statistics.
        classes: C names.
        folder: Folder of the store.

    Raises:
        OSError: If a file cannot be written.
    """
    found = {source: quality(total, classes) for source, total in totals.items()}
    atomic_write(folder / "quality.json", json.dumps(found, indent=1).encode())
    atomic_write(folder / "quality.png", draw(totals, found, classes))


def read_quality(folder: str | Path) -> dict[str, Any]:
    """Read the file of :func:`write_quality`.

    Args:
        folder: Folder of the store.

    Raises:
        StoreError: If it is missing, or has another form.
    """
    path = Path(folder) / "quality.json"
    try:
        found: dict[str, Any] = read_record(path, {str: FORM})
    except RecordError as error:
        raise StoreError(f"{path} is no record of quality: {error}") from error
    for source, each in found.items():
        if (
            len(each["thresholds"]) != len(each["kept"])
            or 0.9 not in each["thresholds"]
        ):
            raise StoreError(
                f"{path} is no record of quality: {source}.thresholds has not the "
                "thresholds of kept, among them 0.9"
            )
    return found


def to_text(found: Mapping[str, Mapping[str, Any]]) -> str:
    """One line of text for each source.

    Args:
        found: Name of each source to its :func:`quality`.
    """
    lines = []
    for source, each in found.items():
        if each["mean_confidence"] is None:
            lines.append(f"{source}: {each['images']} images, no pixel has a label")
            continue
        line = f"{source}: {each['images']} images, mean confidence "
        line += f"{each['mean_confidence']:.1f}"
        kept = dict(zip(each["thresholds"], each["kept"], strict=True))
        line += f", at least 0.9: {kept[0.9]:.1f} % of the pixels"
        if each["accuracy"] is not None:
            line += f"; against {each['images_with_truth']} true masks: mIoU "
            line += f"{each['mIoU']:.2f}, accuracy {each['accuracy']:.2f}"
        lines.append(line)
    return "\n".join(lines)


def draw(
    totals: Mapping[str, Statistics],
    found: Mapping[str, Mapping[str, Any]],
    classes: Sequence[str],
) -> bytes:
    """Draw accuracy over confidence, pixels over threshold, and pixels of each class.

    Args:
        totals: Name of each source to its statistics.
        found: Name of each source to its :func:`quality`.
        classes: C names.

    Returns:
        A PNG file.
    """
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    accuracy, kept, pixels = figure.subplots(1, 3)
    centres = (np.arange(BINS) + 0.5) / BINS
    accuracy.plot([0, 1], [0, 100], color="0.8", linewidth=1)
    bar = 0.8 / len(totals)
    for i, (source, total) in enumerate(totals.items()):
        each, title = found[source], source
        # True masks may ignore every labelled pixel.
        if each["accuracy"] is not None:
            right = [
                np.nan if y is None else y for y in each["by_confidence"]["accuracy"]
            ]
            known = np.isfinite(right)
            label = f"{source}: {each['accuracy']:.1f} % right"
            accuracy.plot(
                centres[known], np.array(right)[known], marker="o", label=label
            )
            title = f"{source}, mIoU {each['mIoU']:.1f}"
        sure = total.levels.sum(axis=0)[::-1].cumsum()[::-1]
        share = 100 * sure / max(sure[0], 1)
        kept.plot(np.arange(LEVELS) / (LEVELS - 1), share, label=source)
        counts = total.classes.sum(axis=0)
        left = np.arange(len(classes)) + (i - (len(totals) - 1) / 2) * bar
        pixels.bar(left, 100 * counts / max(counts.sum(), 1), bar, label=title)
    accuracy.set(
        title="Right pixels over confidence", xlabel="confidence", ylabel="right, %"
    )
    kept.set(title="Pixels kept", xlabel="confidence of at least", ylabel="kept, %")
    pixels.set(title="Pixels of each class", ylabel="pixels, %")
    pixels.set_xticks(range(len(classes)), classes, rotation=60, ha="right", fontsize=8)
    for axes in (accuracy, kept, pixels):
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=8)
    return encode_picture(draw_figure(figure))


def _percent(part: float, whole: float) -> float | None:
    return round(100 * float(part) / float(whole), 2) if whole else None
