"""Decodes files of any number of channels and bits: PNG by OpenCV, TIFF by tifffile."""

from __future__ import annotations

import io
import os
from typing import Any

import cv2
import mmengine.fileio
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import DataError

TIFF = (".tif", ".tiff")
SHARE = 1.0
"""Percent of the pixels of a picture that become black, and white."""


def is_tiff(path: str) -> bool:
    """Whether a file is called a TIFF file."""
    return os.path.splitext(path)[1].lower() in TIFF


def read_channels(path: str) -> NDArray[Any]:
    """Read all channels of an image.

    Args:
        path: A TIFF file, or another that OpenCV reads.

    Returns:
        (H, W, C), of the file's type; the channels in the file's order. Pages of one
        channel and size are channels.

    Raises:
        DataError: If it cannot be decoded, or is no image.
    """
    content = mmengine.fileio.get(path)
    if is_tiff(path):
        return _read_tiff(content)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DataError("cannot be decoded")
    if pixels.ndim == 2:
        return pixels[..., None]
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return pixels[..., order]


def tiff_size(path: str) -> tuple[int, int, int]:
    """Height, width and channels of a local TIFF file, without reading its pixels.

    Raises:
        DataError: If it cannot be read, or tifffile is missing.
    """
    with _open(path) as file:
        axes, shape = _axes(file)
    return shape[axes.index("Y")], shape[axes.index("X")], _count(axes, shape)


def to_picture(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Eight bits of the first three channels, for people.

    Each channel is stretched, without the darkest and the brightest hundredth.

    Args:
        pixels: (H, W, C), numbers.

    Returns:
        (H, W, 3), uint8.
    """
    chosen = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
    values = np.nan_to_num(chosen.astype(np.float32))
    low, high = np.percentile(values, [SHARE, 100 - SHARE], axis=(0, 1))
    scaled = (values - low) / np.maximum(high - low, 1e-6)
    picture = (scaled.clip(0, 1) * 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def _read_tiff(content: bytes) -> NDArray[Any]:
    with _open(io.BytesIO(content)) as file:
        axes, shape = _axes(file)
        try:
            pixels = file.asarray().reshape(shape)
        except Exception as error:  # whatever a damaged file causes
            raise DataError(f"cannot be decoded: {error}") from error
    if axes == "YX":
        return pixels[..., None]
    return pixels if axes[2] not in "YX" else np.moveaxis(pixels, 0, 2)


def _open(source: Any) -> Any:
    try:
        import tifffile
    except ImportError as error:
        raise DataError(
            "TIFF files of any channels need tifffile (pip install tifffile)"
        ) from error
    try:
        return tifffile.TiffFile(source)
    except Exception as error:  # whatever a damaged header causes
        raise DataError(f"cannot be decoded: {error}") from error


def _axes(file: Any) -> tuple[str, tuple[int, ...]]:
    """Axes and sizes of the only image of a file, without those of size 1."""
    if not file.series:
        raise DataError("cannot be decoded: it has no image")
    series = file.series[0]
    pairs = [
        (axis, size)
        for axis, size in zip(series.axes, series.shape, strict=True)
        if size > 1 or axis in "YX"
    ]
    axes = "".join(axis for axis, _ in pairs)
    if len(file.series) > 1 or axes.replace("YX", "") not in [*"SCZTIQ", ""]:
        raise DataError(
            f"it has {len(file.series)} images with the axes {series.axes}; allowed: "
            "one image, whose channels are samples or pages"
        )
    return axes, tuple(size for _, size in pairs)


def _count(axes: str, shape: tuple[int, ...]) -> int:
    others = [n for axis, n in zip(axes, shape, strict=True) if axis not in "YX"]
    return others[0] if others else 1
