"""Counts the values of the masks that a dataset's pipeline loads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmseg.datasets import MultiImageMixDataset
from numpy.typing import NDArray

from mmseg_semisup.core.cpu import available_cores

from .files import check_labels
from .image_labels import FIELD, LoadImageLabels
from .read_image import load, read_mask
from .sources import SourceDataset, find_leaf
from .transform_kinds import loads_mask

VALUES = 256


def has_masks(leaf: BaseDataset) -> bool:
    """Whether a dataset's pipeline loads masks, or labels of images."""
    return any(
        loads_mask(step) or isinstance(step, LoadImageLabels) for step in _loaders(leaf)
    )


def mask_path(leaf: BaseDataset, index: int) -> str:
    """The file of a mask; of the image where there is none."""
    results = leaf.get_data_info(index)
    return str(results.get("seg_map_path", results["img_path"]))


def mask_values(leaf: BaseDataset, index: int, num_classes: int) -> NDArray[np.int64]:
    """Number of pixels of each value in a mask as training loads it, (256,).

    Args:
        leaf: A dataset that reads files.
        index: Number of the sample.
        num_classes: C; 0: any value is allowed.

    Returns:
        Counts; of image labels, 1 for each class that the image shows.

    Raises:
        Exception: Whatever a transform raises; ``ValueError`` for other values.
    """
    results = leaf.get_data_info(index)
    for step in _loaders(leaf):
        if loads_mask(step) or isinstance(step, LoadImageLabels):
            results = load(step, results)
    if FIELD in results:
        shown = np.flatnonzero(results[FIELD])
        return np.bincount(shown, minlength=VALUES)[:VALUES]
    mask = results.get("gt_seg_map")
    if mask is None:  # LoadPseudoMask needs the image, too
        mask = read_mask(mask_path(leaf, index))
    ignored = getattr(leaf, "ignore_index", 255)
    check_labels(mask, mask.shape, num_classes or None, ignored)
    return np.bincount(mask.ravel(), minlength=VALUES)[:VALUES]


def pixels_of_images(source: SourceDataset, num_classes: int) -> NDArray[np.int64]:
    """Pixels of each class in each mask of a source, (N, C).

    Masks that cannot be used count as empty: the checks of the data report them.

    Args:
        source: A dataset with masks, or a wrapper.
        num_classes: C.
    """

    def count(index: int) -> NDArray[np.int64]:
        leaf, place = find_leaf(source, index)
        if isinstance(leaf, MultiImageMixDataset):
            leaf, place = find_leaf(leaf.dataset, place)
        try:
            return mask_values(leaf, place, num_classes)[:num_classes]
        except Exception:  # whatever a transform raises
            return np.zeros(num_classes, np.int64)

    with ThreadPoolExecutor(available_cores()) as pool:
        return np.stack(list(pool.map(count, range(len(source)))))


def _loaders(leaf: BaseDataset) -> Sequence[Any]:
    pipeline = getattr(leaf, "pipeline", None)
    return getattr(pipeline, "transforms", ())
