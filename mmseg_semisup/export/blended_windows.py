"""Predicts a large image window by window, and blends where windows overlap.

At a window's border its context is missing, so that predictions of two windows differ
most there. The weight of a window falls linearly to the border over the overlap: no
window begins or ends abruptly, and there are no seams. mmseg's ``slide_inference``
gives all pixels of a window the same weight; where the windows agree, both are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Scores = Callable[[list[tuple[slice, slice]]], Tensor]
"""Scores of windows of one size, (N, C, h, w), given their rows and columns."""


class Block(NamedTuple):
    """A part of an image whose prediction is complete.

    Attributes:
        rows: Its rows.
        columns: Its columns.
        scores: Mean scores, (C, rows, columns), float32.
    """

    rows: slice
    columns: slice
    scores: Tensor


def blended(
    size: tuple[int, int],
    window: tuple[int, int],
    overlap: tuple[int, int],
    scores: Scores,
    batch_size: int = 1,
) -> Iterator[Block]:
    """Predict an image in windows, and yield its parts as they are complete.

    Parts come from left to right, and rows of parts from the top to the bottom. What is
    kept at a time is the scores of a batch, and those of the rows in which the windows
    above overlap the next ones: C * overlap * W numbers.

    Args:
        size: Height and width of the image.
        window: Height and width of a window; a larger one is cut to the image.
        overlap: Least rows and columns that neighbours share.
        scores: Predicts windows.
        batch_size: Number of windows that are predicted together.
    """
    height, width = (min(w, n) for w, n in zip(window, size, strict=True))
    tops = even_starts(size[0], height, max(window[0] - overlap[0], 1))
    lefts = even_starts(size[1], width, max(window[1] - overlap[1], 1))
    wy, wx = (_ramp(n, o) for n, o in zip((height, width), overlap, strict=True))
    sum_y, sum_x = _total(tops, wy, size[0]), _total(lefts, wx, size[1])
    next_tops = [*tops[1:], size[0]]
    shared = [height - (after - y) for y, after in zip(tops, next_tops, strict=True)]
    strip: Tensor | None = None
    above = 0
    for y, next_y, below in zip(tops, next_tops, shared, strict=True):
        left: Tensor | None = None
        rows = slice(y, y + height)
        predicted = _in_batches(rows, lefts, width, scores, batch_size)
        next_lefts = [*lefts[1:], size[1]]
        for x, next_x, found in zip(lefts, next_lefts, predicted, strict=True):
            total = found.float() * (wy[:, None] * wx).to(found.device)
            if left is not None:
                total[:, :, : left.shape[2]] += left
            left = total[:, :, next_x - x :]
            done = total[:, :, : next_x - x]
            columns = slice(x, next_x)
            if strip is None:
                strip = total.new_empty((len(total), max(shared), size[1]))
            done[:, :above] += strip[:, :above, columns]
            strip[:, :below, columns] = done[:, next_y - y :]
            share = sum_y[y:next_y, None] * sum_x[columns]
            complete = done[:, : next_y - y].div_(share.to(done.device))
            yield Block(slice(y, next_y), columns, complete)
        above = below


def even_starts(length: int, window: int, step: int) -> list[int]:
    """First pixels of windows along one side, as evenly spaced as possible.

    mmseg moves the last window inside instead, which may then share most of the one
    before it, and with it the memory.

    >>> even_starts(2048, 798, 532)
    [0, 416, 833, 1250]

    Args:
        length: Pixels of the image.
        window: Pixels of a window, at most those of the image.
        step: The greatest distance of two starts.
    """
    count = -(-(length - window) // step) + 1
    return [i * (length - window) // max(count - 1, 1) for i in range(count)]


def _in_batches(
    rows: slice, lefts: Sequence[int], width: int, scores: Scores, batch_size: int
) -> Iterator[Tensor]:
    """The scores of each window of a row of windows."""
    for begin in range(0, len(lefts), batch_size):
        part = lefts[begin : begin + batch_size]
        yield from scores([(rows, slice(x, x + width)) for x in part])


def _ramp(length: int, overlap: int) -> Tensor:
    """Weights along one side of a window, in 0..1, without 0.

    Over an overlap of n pixels they are 1/(n+1) to n/(n+1), so that those of two
    neighbours have the sum 1.
    """
    rising = torch.arange(1, length + 1, dtype=torch.float32) / (overlap + 1)
    return torch.minimum(rising, rising.flip(0)).clamp(max=1)


def _total(begins: Sequence[int], weights: Tensor, length: int) -> Tensor:
    """The sum of the weights of all windows along one side of the image."""
    total = torch.zeros(length)
    for begin in begins:
        total[begin : begin + len(weights)] += weights
    return total
