"""Operations of RandAugment that change colours, with few passes over the pixels.

Operations on single channel values are tables of 256 entries; consecutive ones are
merged into one table. The statistics that some of them need (see ``ImageOps`` and
``ImageEnhance`` of Pillow) are computed from histograms, to which the tables are
applied.

``mmcv.image`` fills the tables where the result is the same. On whole images it takes
10 times as long for autocontrast and equalize (15 and more in chains), 3 to 5 times for
contrast, color and sharpness, and rounds these three and brightness differently.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from mmcv.image import posterize, solarize

VALUES = np.arange(256)
GREY = np.array([0.114, 0.587, 0.299])
"""Weights of blue, green and red."""


class Appearance:
    """An image and the changes of its colours that are still pending.

    Args:
        image: (H, W, 3), uint8, BGR; it is not modified.
    """

    def __init__(self, image: np.ndarray) -> None:
        self._image = image
        self._table: np.ndarray | None = None
        self._histogram: np.ndarray | None = None

    def apply(self, name: str, value: float) -> None:
        """Apply an operation.

        Args:
            name: 'autocontrast', 'equalize', 'posterize', 'solarize', 'brightness',
                'contrast', 'color' or 'sharpness'.
            value: The number of bits to keep; the threshold from which values are
                inverted; or the factor of the other operations, 1 for no change.
        """
        if name == "autocontrast":
            self._map(_stretch(self._histograms()))
        elif name == "equalize":
            self._map(_equalize(self._histograms()))
        elif name == "posterize":
            self._map(posterize(VALUES, int(value)))
        elif name == "solarize":
            self._map(solarize(VALUES, value))
        elif name == "brightness":
            self._map(_blend(0, value))
        elif name == "contrast":
            self._map(_blend(self._mean_grey(), value))
        elif name == "color":
            self._filter(_color, value)
        elif name == "sharpness":
            self._filter(_sharpness, value)

    def result(self) -> np.ndarray:
        """The image, (H, W, 3), uint8."""
        if self._table is not None:
            table = self._table
            same = (table == table[0]).all()
            table = table[0] if same else np.ascontiguousarray(table.T)[None]
            self._image = cv2.LUT(self._image, table)
            self._table = None
        return self._image

    def _map(self, table: np.ndarray) -> None:
        """Append a table, (256,) or (3, 256)."""
        table = np.broadcast_to(table, (3, 256)).astype(np.uint8)
        if self._histogram is not None:
            self._histogram = _push(self._histogram, table)
        if self._table is not None:
            table = np.take_along_axis(table, self._table.astype(np.intp), axis=1)
        self._table = table

    def _filter(
        self, function: Callable[[np.ndarray, float], np.ndarray], value: float
    ) -> None:
        self._image = function(self.result(), value)
        self._histogram = None

    def _histograms(self) -> np.ndarray:
        """Histogram of each channel, (3, 256), with the pending tables applied."""
        if self._histogram is None:
            counts = [
                cv2.calcHist([self._image], [c], None, [256], [0, 256]).ravel()
                for c in range(3)
            ]
            self._histogram = np.stack(counts).astype(np.int64)
            if self._table is not None:
                self._histogram = _push(self._histogram, self._table)
        return self._histogram

    def _mean_grey(self) -> int:
        histogram = self._histograms()
        means = histogram @ VALUES / histogram.sum(axis=1)
        return int(GREY @ means + 0.5)


def _push(histogram: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Apply tables, (3, 256), to histograms, (3, 256)."""
    pushed = [
        np.bincount(t, weights=h, minlength=256)
        for t, h in zip(table, histogram, strict=True)
    ]
    return np.stack(pushed).astype(np.int64)


def _blend(base: int, factor: float) -> np.ndarray:
    """Extrapolate from a constant through the values, clipped as in Pillow."""
    return np.clip(base + factor * (VALUES - base), 0, 255).astype(np.uint8)


def _stretch(histogram: np.ndarray) -> np.ndarray:
    """Tables, (3, 256), that stretch the values of each channel to 0..255."""
    tables = np.empty((3, 256), np.uint8)
    for table, counts in zip(tables, histogram, strict=True):
        (present,) = counts.nonzero()
        low, high = int(present[0]), int(present[-1])
        if low == high:
            table[:] = VALUES
        else:
            scale = 255.0 / (high - low)
            table[:] = np.clip(VALUES * scale - low * scale, 0, 255).astype(np.uint8)
    return tables


def _equalize(histogram: np.ndarray) -> np.ndarray:
    """Tables, (3, 256), that equalize the histogram of each channel."""
    tables = np.empty((3, 256), np.uint8)
    for table, counts in zip(tables, histogram, strict=True):
        (present,) = counts.nonzero()
        step = int(counts.sum() - counts[present[-1]]) // 255
        if len(present) < 2 or step == 0:
            table[:] = VALUES
        else:
            below = np.concatenate(([0], np.cumsum(counts)[:-1]))
            table[:] = np.minimum((step // 2 + below) // step, 255)
    return tables


def _color(image: np.ndarray, factor: float) -> np.ndarray:
    """Extrapolate from the grey image through the coloured one."""
    matrix = factor * np.eye(3) + (1 - factor) * GREY
    return cv2.transform(image, matrix.astype(np.float32))


def _sharpness(image: np.ndarray, factor: float) -> np.ndarray:
    """Extrapolate from the smoothed image through the image; border pixels stay.

    Pillow's smoothing is 9/13 of the mean of nine pixels and 4/13 of the middle one.
    """
    smooth = cv2.blur(image, (3, 3))
    share = (1 - factor) * 9 / 13
    result = cv2.addWeighted(image, 1 - share, smooth, share, 0)
    for edge in (np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:]):
        result[edge] = image[edge]
    return result
