"""Counts the pixels of each class in many masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial

import numpy as np

from mmseg_semisup.core.errors import ImageFileError

from .checks.content import Clock
from .read_image import read_mask

CHUNK = 32


def count_pixels(
    paths: Sequence[str],
    num_classes: int,
    ignore_index: int,
    workers: int,
    report: Callable[[str], None],
) -> np.ndarray:
    """Count the pixels, in several processes.

    Args:
        paths: Masks, N of them.
        num_classes: C; the values of masks are 0..C-1.
        ignore_index: Value of ignored pixels.
        workers: Number of processes.
        report: Called with lines about the progress.

    Returns:
        Pixels, (N, C), int64.

    Raises:
        ValueError: If a mask cannot be read or has other values; the message names some
            of them.
    """
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    work = partial(_count_chunk, num_classes=num_classes, ignore_index=ignore_index)
    clock = Clock(len(paths), report)
    counts: list[np.ndarray] = []
    wrong: list[str] = []
    with ExitStack() as stack:
        if workers > 1:
            results = stack.enter_context(ProcessPoolExecutor(workers)).map(
                work, chunks
            )
        else:
            results = map(work, chunks)
        for found, problems in results:
            counts += found
            wrong += problems
            clock.advance(len(found) + len(problems))
    if wrong:
        raise ValueError(
            f"{len(wrong)} of {len(paths)} masks are wrong:\n  "
            + "\n  ".join(wrong[:10])
            + ("\n  ..." if len(wrong) > 10 else "")
        )
    return np.stack(counts)


def _count_chunk(
    paths: Sequence[str], num_classes: int, ignore_index: int
) -> tuple[list[np.ndarray], list[str]]:
    counts, wrong = [], []
    for path in paths:
        try:
            counts.append(_count(path, num_classes, ignore_index))
        except ImageFileError as error:
            wrong.append(str(error))
        except ValueError as error:
            wrong.append(f"{path}: {error}")
    return counts, wrong


def _count(path: str, num_classes: int, ignore_index: int) -> np.ndarray:
    mask = read_mask(path)
    if mask.ndim != 2:
        raise ValueError("colours in place of class numbers")
    values, pixels = np.unique(mask, return_counts=True)
    known = (values >= 0) & (values < num_classes)
    other = values[~known & (values != ignore_index)]
    if other.size:
        raise ValueError(
            f"values {other[:5].tolist()}; allowed: 0 to {num_classes - 1} and "
            f"{ignore_index}"
        )
    counts = np.zeros(num_classes, np.int64)
    counts[values[known].astype(np.int64)] = pixels[known]
    return counts
