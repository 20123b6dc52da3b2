"""Reads images and masks: the only place where files of pixels are decoded.

Pipelines keep mmcv's and mmseg's own transforms, which :func:`load` runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import mmcv
import mmengine.fileio
import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray

from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.core.errors import DataError, ImageFileError

from .channel_files import is_tiff, read_channels, to_picture
from .decoding import decode
from .files import bits, check_complete, check_mask_file
from .image_headers import DEFAULT, Reader
from .load_channels import LoadChannels
from .mask_files import FIELD
from .sources import leaves
from .transform_kinds import loads_file, loads_mask

T = TypeVar("T")

CHANNELS = Reader("unchanged", "channels")
"""How ``LoadChannels`` decodes an image: as it is stored."""

OPTIONS = "color_type", "imdecode_backend"
MASK_READER = Reader("unchanged", "pillow")
"""How mmseg's ``LoadAnnotations`` decodes a mask."""


def read_image(
    path: str, reader: Reader = DEFAULT, channel_order: str = "bgr"
) -> NDArray[np.uint8]:
    """Read an image as ``LoadImageFromFile`` does.

    Args:
        path: A file, or an address that mmengine can read.
        reader: How it is decoded.
        channel_order: 'bgr' or 'rgb'.

    Returns:
        (H, W, 3), uint8, upright as the EXIF entry says if the reader turns images.

    Raises:
        ImageFileError: If it is missing, damaged or no image.
    """
    return _named(path, lambda: _read(path, reader, channel_order))


def read_picture(path: str) -> NDArray[np.uint8]:
    """Read an image to look at: of any channels and bits.

    Args:
        path: A file, or an address that mmengine can read.

    Returns:
        (H, W, 3), uint8, RGB. Images of 8 bits are those of :func:`read_image`; of
        others, the first three channels are stretched.

    Raises:
        ImageFileError: If it is missing, damaged or no image.
    """
    if bits(path) <= 8:
        try:
            return read_image(path, channel_order="rgb")
        except ImageFileError:
            if not is_tiff(path):
                raise
    return _named(path, lambda: to_picture(decode(lambda: read_channels(path))))


def read_mask(path: str) -> NDArray[np.uint8]:
    """Read a mask as mmseg's ``LoadAnnotations`` does.

    Args:
        path: A file, or an address that mmengine can read.

    Returns:
        (H, W), uint8; the indices of a file with a palette.

    Raises:
        ImageFileError: If it is missing or damaged, or its values are not those that
            would be read.
    """

    def read() -> NDArray[np.uint8]:
        check_complete(path)
        check_mask_file(path)
        mask = _read(path, MASK_READER, "bgr")
        if mask.ndim == 3 and mask.shape[2] == 1:
            mask = mask[..., 0]
        return mask.astype(np.uint8)

    return _named(path, read)


def load(step: Any, results: dict[str, Any]) -> Any:
    """Run a transform of a pipeline; one that reads a file is watched.

    Args:
        step: Any transform.
        results: Its input, which stays as it is if the transform reads a file.

    Returns:
        Its result.

    Raises:
        ImageFileError: If a file cannot be read.
        Exception: What the transform raises otherwise.
    """
    if not loads_file(step):
        return step(results)
    is_mask = loads_mask(step)
    if is_mask and results.get(FIELD) is not None:
        return _load_own_mask(step, results)
    path = str(results.get("seg_map_path" if is_mask else "img_path", ""))

    def read() -> Any:
        # Transforms append to lists, and the file may be read a second time.
        own = {k: list(v) if isinstance(v, list) else v for k, v in results.items()}
        try:
            return step(own)
        except (AssertionError, AttributeError) as error:
            # OpenCV returns None for a file that it cannot read.
            if "NoneType" in str(error) or "failed to load image" in str(error):
                raise DataError("cannot be decoded") from error
            raise

    def checked() -> Any:
        check_complete(path)
        if is_mask:
            check_mask_file(path)
        return decode(read)

    return _named(path, checked) if path else decode(read)


def _load_own_mask(step: Any, results: dict[str, Any]) -> dict[str, Any]:
    """A sample with its mask, which its data set knows how to read."""
    path, masks = str(results["seg_map_path"]), results[FIELD]
    if getattr(step, "reduce_zero_label", False):
        raise DataError(
            f"{path}: LoadAnnotations has reduce_zero_label=True; the data set's "
            "mask_classes say what is ignored"
        )
    mask = _named(path, lambda: decode(lambda: masks.read(path)))
    fields = [*results.get("seg_fields", ()), "gt_seg_map"]
    return {**results, "gt_seg_map": mask, "seg_fields": fields}


class WatchedLoader(BaseTransform):
    """A transform that reads files, run by :func:`load`.

    Args:
        step: The transform.
    """

    def __init__(self, step: Any) -> None:
        self.step = step

    def transform(self, results: dict[str, Any]) -> Any:
        """Run it.

        Raises:
            ImageFileError: If a file cannot be read.
        """
        return load(self.step, results)


def watch_loaders(dataset: Any) -> None:
    """Let a plain data set, e.g. one that is validated, read files by :func:`load`.

    Args:
        dataset: A data set of mmengine's kind, or a wrapper; others stay as they are.
    """
    for leaf in leaves(dataset):
        steps = getattr(getattr(leaf, "pipeline", None), "transforms", None)
        if isinstance(steps, list):
            steps[:] = [WatchedLoader(s) if loads_file(s) else s for s in steps]


def reader_of(step: Any) -> Reader | None:
    """How a transform decodes an image; None if it is not mmcv's ordinary one.

    Args:
        step: A transform.
    """
    if isinstance(step, LoadChannels):
        return CHANNELS
    if type(step) is not LoadImageFromFile:
        return None
    backend = step.imdecode_backend or mmcv.image.io.imread_backend
    return Reader(step.color_type, backend)


def pipeline_reader(steps: Iterable[Any]) -> Reader:
    """How a pipeline decodes an image; mmcv's ordinary way if it does not say.

    Args:
        steps: Its transforms, or their configs.
    """
    for step in steps:
        if isinstance(step, Mapping) and is_type(step, TRANSFORMS, LoadImageFromFile):
            options = {k: v for k, v in step.items() if k in OPTIONS}
            step = LoadImageFromFile(**options)
        elif isinstance(step, Mapping) and is_type(step, TRANSFORMS, LoadChannels):
            return CHANNELS
        reader = reader_of(step)
        if reader is not None:
            return reader
    return DEFAULT


def _read(path: str, reader: Reader, channel_order: str) -> NDArray[np.uint8]:
    check_complete(path)
    content = mmengine.fileio.get(path)
    flag, backend = reader
    image = decode(lambda: mmcv.imfrombytes(content, flag, channel_order, backend))
    if image is None:
        raise DataError("cannot be decoded")
    return image


def _named(path: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ImageFileError, MemoryError):
        raise
    except Exception as error:  # whatever a decoder raises
        reason = getattr(error, "strerror", None) or str(error).replace(path, "it")
        raise ImageFileError(f"{path}: {reason or type(error).__name__}") from error
