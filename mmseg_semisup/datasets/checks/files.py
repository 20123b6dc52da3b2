"""Checks the files of one image and its mask."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.datasets.files import check_complete, check_mask_file
from mmseg_semisup.datasets.image_headers import (
    DEFAULT,
    PHOTOGRAPHS,
    Header,
    read_header,
)
from mmseg_semisup.datasets.image_labels import LoadImageLabels
from mmseg_semisup.datasets.mask_files import MaskSource
from mmseg_semisup.datasets.read_image import load
from mmseg_semisup.datasets.semi_dataset import check_mask
from mmseg_semisup.datasets.transform_kinds import loads_mask

from .parts import Item
from .problem import Problem


def check_header(
    item: Item, headers: MutableMapping[str, Header] | None = None
) -> list[Problem]:
    """Check the files without decoding them.

    Args:
        item: The files.
        headers: Gets the header of the image, if it can be read.
    """
    problems: list[Problem] = []
    size = mask_size = None
    if item.reader is not None or not os.path.exists(item.image):
        header = _read_header(item.image, "image", problems)
        if header is not None:
            size = header.size(item.reader or DEFAULT)
            if headers is not None:
                headers[item.image] = header
    if item.mask is not None and not (
        item.mask_backend is None and os.path.exists(item.mask)
    ):
        header = None
        if item.masks is not None:
            mask_size = _own_size(item.mask, item.masks, problems)
        else:
            header = _read_header(item.mask, "mask", problems)
        if header is not None:
            mask_size = header.stored
            problems += _check_mode(item.mask, header, item.mask_backend)
            problems += _check_values(item.mask)
    if size and mask_size and size != mask_size:
        problems.append(
            Problem(
                "mask-size",
                f"{item.mask} has {mask_size[1]}x{mask_size[0]} pixels, {item.image} "
                f"has {size[1]}x{size[0]} (width x height)",
            )
        )
    return problems


def _read_header(path: str, word: str, problems: list[Problem]) -> Header | None:
    if "://" in path:
        return None
    try:
        check_complete(path)
        return read_header(path)
    except FileNotFoundError:
        problems.append(Problem("missing-file", f"there is no {word} {path}"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        problems.append(Problem("unreadable", f"{path}: {reason}"))
    return None


def _own_size(
    path: str, masks: MaskSource, problems: list[Problem]
) -> tuple[int, int] | None:
    """Size of a mask that its data set knows how to read."""
    try:
        return masks.size(path)
    except FileNotFoundError:
        problems.append(Problem("missing-file", f"there is no mask {path}"))
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or error
        problems.append(Problem("mask-format", f"{path}: {reason}"))
    return None


def _check_mode(path: str, header: Header, backend: str | None) -> list[Problem]:
    mode = "JPEG" if header.kind in PHOTOGRAPHS else header.mode
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
        try:
            results = load(transform, results)
        except Exception as error:  # whatever a decoder raises
            if isinstance(error, ImageFileError):
                return [Problem("unreadable", str(error))], None
            path = item.mask if loads_mask(transform) else item.image
            text = f"{path}: {type(error).__name__}: {error}"
            return [Problem("unreadable", text)], None
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


def _check_values(path: str) -> list[Problem]:
    """Refuse masks that are read otherwise than they are meant."""
    try:
        check_mask_file(path)
    except (OSError, ValueError, SyntaxError) as error:
        text = str(error).removeprefix("the mask has the ")
        return [Problem("mask-values", f"{path}: {text}")]
    return []
