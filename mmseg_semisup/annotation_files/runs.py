"""Lengths of runs in a row of true and false pixels, which all formats count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .shapes import AnnotationError


def to_runs(pixels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of alternating runs, the first of false pixels; it may be 0.

    Args:
        pixels: (N,), bool.

    Returns:
        (R,), int64; the sum is N.

    >>> to_runs(np.array([True, True, False])).tolist()
    [0, 2, 1]
    """
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    first = [0, 0] if len(pixels) and pixels[0] else [0]
    return np.diff(np.concatenate([first, changes, [len(pixels)]]))


def placed_runs(
    pixels: NDArray[np.bool_], top: int, left: int, size: tuple[int, int]
) -> NDArray[np.int64]:
    """:func:`to_runs` of an image, by rows, of which only a part has true pixels.

    Args:
        pixels: (h, w), bool, the part; at least one is true.
        top: Its first row.
        left: Its first column.
        size: Height and width of the image.
    """
    height, width = pixels.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = pixels
    change = np.diff(padded, axis=1)
    bounds = []
    for direction in (1, -1):
        rows, columns = np.nonzero(change == direction)
        bounds.append((top + rows) * size[1] + left + columns)
    starts, stops = bounds
    # A run that ends where the next one begins goes on in the next row.
    apart = starts[1:] != stops[:-1]
    starts = starts[np.append(True, apart)]
    stops = stops[np.append(apart, True)]
    inner = np.stack([starts, stops], axis=1).ravel()
    runs = np.diff(np.concatenate([[0], inner, [size[0] * size[1]]]))
    return runs if runs[-1] else runs[:-1]


def from_runs(runs: Sequence[int] | NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """The pixels of :func:`to_runs`.

    Args:
        runs: Lengths of runs, the first of false pixels.
        size: Number of pixels, N.

    Returns:
        (N,), bool.

    Raises:
        AnnotationError: If a length is negative, or the sum is not N.
    """
    try:
        lengths = np.asarray(runs, np.int64)
    except (OverflowError, TypeError, ValueError) as error:
        raise AnnotationError("lengths of runs are no integers") from error
    if lengths.ndim != 1 or (lengths < 0).any() or (lengths > size).any():
        raise AnnotationError(f"lengths of runs are not all in 0 to {size}")
    if lengths.sum() != size:
        raise AnnotationError(
            f"its runs have {lengths.sum()} pixels in place of {size}"
        )
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
