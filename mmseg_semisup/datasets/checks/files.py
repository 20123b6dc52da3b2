"""Checks the files of one image and its mask."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from PIL import Image, UnidentifiedImageError

from mmseg_semisup.datasets.files import check_complete, check_depth
from mmseg_semisup.datasets.image_labels import LoadImageLabels
from mmseg_semisup.datasets.semi_dataset import check_mask
from mmseg_semisup.datasets.transform_kinds import loads_mask

from .parts import Item
from .problem import Problem

ORIENTATION = 274
"""EXIF tag of the orientation; from 5 on, width and height are exchanged."""


def check_header(item: Item) -> list[Problem]:
    """Check the files without decoding them."""
    problems: list[Problem] = []
    size = mask_size = None
    if item.plain_image or not os.path.exists(item.image):
        size, _ = _read_header(item.image, "image", item.oriented, problems)
    if item.mask is not None and not (
        item.mask_backend is None and os.path.exists(item.mask)
    ):
        mask_size, mode = _read_header(item.mask, "mask", False, problems)
        if mode is not None:
            problems += _check_mode(item.mask, mode, item.mask_backend)
            problems += _check_depth(item.mask)
    if size and mask_size and size != mask_size:
        problems.append(
            Problem(
                "mask-size",
                f"{item.mask} has {mask_size[0]}x{mask_size[1]} pixels, {item.image} "
                f"has {size[0]}x{size[1]} (width x height)",
            )
        )
    return problems


def _read_header(
    path: str, word: str, oriented: bool, problems: list[Problem]
) -> tuple[tuple[int, int] | None, str | None]:
    """Read width and height, and Pillow's mode; None if they cannot be read."""
    if "://" in path:
        return None, None
    try:
        check_complete(path)
        with Image.open(path) as image:
            mode = "JPEG" if image.format in ("JPEG", "MPO") else image.mode
            size = image.size
            if oriented and mode == "JPEG" and image.getexif().get(ORIENTATION, 1) >= 5:
                size = size[::-1]
            return size, mode
    except FileNotFoundError:
        problems.append(Problem("missing-file", f"there is no {word} {path}"))
    except UnidentifiedImageError:
        problems.append(Problem("unreadable", f"{path}: not an image"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        problems.append(Problem("unreadable", f"{path}: {error}"))
    return None, None


def _check_mode(path: str, mode: str, backend: str | None) -> list[Problem]:
    if mode in ("L", "1") or mode.startswith("I"):
        return []
    if mode == "P":
        if backend == "pillow":
            return []
        reason = (
            f"a palette image; imdecode_backend={backend!r} reads its colours, not its "
            "numbers; set LoadAnnotations' imdecode_backend='pillow'"
        )
    elif mode == "JPEG":
        reason = "a JPEG, whose compression changes class numbers; use PNG"
    else:
        reason = (
            f"colours ({mode}) in place of class numbers; a mask has one channel, "
            "whose values are 0 for the first class, 1 for the second, ..."
        )
    return [Problem("mask-format", f"{path}: {reason}")]


def check_content(
    dataset: BaseDataset, index: int, item: Item
) -> tuple[list[Problem], np.ndarray | None]:
    """Load a sample as in training, and check the values of its mask.

    Args:
        dataset: A dataset whose pipeline only loads.
        index: Index of the sample.
        item: The sample's files.

    Returns:
        Problems, and the pixels of each value, (256,), int64, if the mask is valid.
    """
    problems: list[Problem] = []
    results: dict[str, Any] = dataset.get_data_info(index)
    for transform in dataset.pipeline.transforms:
        if isinstance(transform, LoadImageLabels):
            continue
        path = item.mask if loads_mask(transform) else item.image
        try:
            results = transform(results)
        except Exception as error:  # whatever a decoder raises
            # OpenCV returns None for a file that it cannot read, and mmcv reads its
            # shape.
            if isinstance(error, AttributeError) and "NoneType" in str(error):
                reason = "cannot be decoded"
            else:
                reason = f"{type(error).__name__}: {error}"
            return [Problem("unreadable", f"{path}: {reason}")], None
    mask = results.get("gt_seg_map")
    if mask is None or item.mask is None:
        return problems, None
    try:
        check_mask(mask, results["img"], dataset)
    except ValueError as error:
        kind = "mask-size" if mask.shape != results["img"].shape[:2] else "mask-values"
        text = str(error).removeprefix("the mask has the ")
        problems.append(Problem(kind, f"{item.mask}: {text}"))
    if problems:
        return problems, None
    return [], np.bincount(mask.ravel(), minlength=256)


def _check_depth(path: str) -> list[Problem]:
    """Refuse masks with more than 8 bits, which lose the upper ones when loaded."""
    try:
        check_depth(path)
    except (OSError, ValueError, SyntaxError) as error:
        text = str(error).removeprefix("the mask has the ")
        return [Problem("mask-values", f"{path}: {text}")]
    return []
