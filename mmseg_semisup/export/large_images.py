"""Predicts large images in windows, and writes their masks as they are complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.core.file_names import check_distinct
from mmseg_semisup.core.row_png import RowPng
from mmseg_semisup.core.text import duration
from mmseg_semisup.datasets.pixel_windows import PixelWindows, open_windows

from .batches import Work
from .folder import Report, numbered, unfinished
from .prediction_files import PredictionFiles
from .prediction_journal import Journal
from .window_predictor import LabelBlock, WindowPredictor

OVERVIEW = 2048
"""Longest side of the overview of a large image, in pixels."""


def predict_large_images(
    predictor: WindowPredictor,
    images: Sequence[Work],
    files: PredictionFiles,
    report: Report | None = None,
    journal: Journal | None = None,
) -> dict[Path, str]:
    """Predict images in windows, and write the results.

    Args:
        predictor: The networks.
        images: The images, and the paths of their results, of :func:`find_images`.
        files: Where and what to write. Overlays are overviews of every n-th pixel, and
            there are no pictures beside them.
        report: Gets a line on the progress after each part of an image.
        journal: Names the images that are left out, and notes the others.

    Returns:
        Images that cannot be predicted, and why.

    Raises:
        ConfigError: If the file system takes two results for one.
        WriteError: If a result cannot be written.
    """
    check_distinct(files.folder, [name.as_posix() for _, name in images])
    work, means = unfinished(images, files, journal)
    failed: dict[Path, str] = {}
    with ExitStack() as stack:
        if journal is not None:
            stack.enter_context(journal.open())
        for number, (path, name) in enumerate(work, 1):
            told = numbered(report, number, len(work), path)

            try:
                with open_windows(path, files.folder) as pixels:
                    mean = predict_large(predictor, pixels, name, files, told)
            except ImageFileError as error:
                failed[path] = str(error).removeprefix(f"{path}: ")
                continue
            if files.confidence:
                means[path] = mean
            if journal is not None:
                journal.note(path, name, mean if files.confidence else None)
    predicted = [(path, name) for path, name in images if path not in failed]
    files.finish(predicted, means)
    return failed


def predict_large(
    predictor: Callable[[PixelWindows], Any],
    pixels: PixelWindows,
    name: Path,
    files: PredictionFiles,
    report: Report,
) -> float:
    """Predict an image, and write its mask row by row.

    Args:
        predictor: A :class:`WindowPredictor`.
        pixels: The image.
        name: Path of the result, without a suffix.
        files: Where and what to write.
        report: Gets a line on the progress after each part.

    Returns:
        The mean confidence.

    Raises:
        ImageFileError: If a part cannot be decoded.
        WriteError: If a file cannot be written.
    """
    height, width = pixels.size
    step = -(-max(height, width) // OVERVIEW)
    total, done, start = 0.0, 0, time.perf_counter()
    labels: NDArray[np.uint8] | None = None
    shown: list[NDArray[np.uint8]] = []
    with ExitStack() as stack:
        mask = stack.enter_context(
            RowPng(files.path("masks", name, ".png"), pixels.size, files.colours)
        )
        levels = None
        if files.confidence:
            path = files.path("confidence", name, ".png")
            levels = stack.enter_context(RowPng(path, pixels.size))
        block: LabelBlock
        for block in predictor(pixels):
            rows, columns = block.rows, block.columns
            if labels is None or columns.start == 0:
                count = rows.stop - rows.start
                labels = np.empty((count, width), np.uint8)
                confidence = np.empty((count, width), np.uint8)
            labels[:, columns] = block.labels
            confidence[:, columns] = (block.confidence * 255).round()
            total += float(block.confidence.sum(dtype=np.float64))
            done += block.labels.size
            if columns.stop == width:
                mask.write(labels)
                if levels is not None:
                    levels.write(confidence)
                shown.append(labels[-rows.start % step :: step, ::step])
            seconds = time.perf_counter() - start
            left = duration(seconds * (height * width / done - 1))
            report(f"{100 * done / (height * width):.0f} %, {left} left")
        files.overview(name, _every(pixels, step), np.concatenate(shown))
    return total / (height * width)


def _every(pixels: PixelWindows, step: int) -> NDArray[np.uint8]:
    """Every ``step``-th pixel of an image."""
    height, width = pixels.size
    rows = (
        pixels.read(slice(row, row + 1), slice(0, width))[:, ::step]
        for row in range(0, height, step)
    )
    return np.concatenate(list(rows))
