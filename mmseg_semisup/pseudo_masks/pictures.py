"""Draws pseudo-masks: samples of one store, and several stores side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import mmcv
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.figures import encode_picture
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.visualization.panels import (
    color_labels,
    color_map,
    overlay,
    stack_rows,
    titled_row,
)

from .images import Item
from .statistics import load_truth

ROWS = 8
EMPTY = np.full((1, 1, 3), 255, np.uint8)
T = TypeVar("T")


def draw_samples(
    store: Store, manifest: Mapping[str, Any], items: Sequence[Item]
) -> bytes:
    """Draw images, pseudo-masks, confidence if it is stored, and true masks.

    Args:
        store: The store, complete except for its manifest.
        manifest: Its manifest.
        items: Its images.

    Returns:
        A PNG file with a row for each of eight images, spread evenly over the list and
        over images with and without true masks.
    """
    chosen = _spread([item for item in items if item.mask], ROWS // 2)
    rest = [item for item in items if item not in chosen]
    chosen += _spread(rest, ROWS - len(chosen))
    rows = [_row(store, manifest, item) for item in chosen]
    return encode_picture(stack_rows([r for r in rows if r is not None] or [EMPTY]))


def compare_stores(
    folders: Mapping[str, str | Path],
    count: int = 6,
    names: Sequence[str] | None = None,
    photos: bool = True,
) -> NDArray[np.uint8]:
    """Draw the masks of several stores, e.g. of successive stages, for the same images.

    Args:
        folders: Title to the folder of a complete store; all stores have the same
            classes.
        count: Number of images, spread evenly over those that all stores hold.
        names: Ids of the images, in place of ``count``.
        photos: Whether to show the image, and the masks over it; without, the picture
            holds nothing of the data set.

    Returns:
        (H, W, 3), uint8, RGB: a row an image, a column a store.

    Raises:
        StoreError: If a store is not complete, has other classes than the first, or
            lacks an image; if an image cannot be read.
    """
    stores = {title: Store(folder) for title, folder in folders.items()}
    manifests = [store.read_manifest() for store in stores.values()]
    first, held = manifests[0], [{r["id"] for r in m["images"]} for m in manifests]
    for store, manifest in zip(stores.values(), manifests, strict=True):
        if manifest["classes"] != first["classes"]:
            raise StoreError(
                f"{store.folder} has the classes {manifest['classes']}, but "
                f"{next(iter(stores.values())).folder} has {first['classes']}"
            )
    images = {record["id"]: record["image"] for record in first["images"]}
    common = [name for name in images if all(name in ids for ids in held)]
    names = _spread(common, count) if names is None else names
    missing = [name for name in names if name not in common]
    if missing or not names:
        raise StoreError(f"not all stores hold {shorten(missing) or 'any image'}")
    rows = []
    for name in names:
        image = mmcv.imread(images[name], channel_order="rgb") if photos else None
        if photos and image is None:
            raise StoreError(f"{images[name]} cannot be read as an image")
        row = {} if image is None else {name: image}
        for title, store in stores.items():
            row[title] = _paint(_read(store, "masks", name), first["palette"], image)
        rows.append(titled_row(row, height=160))
    return stack_rows(rows)


def _row(
    store: Store, manifest: Mapping[str, Any], item: Item
) -> NDArray[np.uint8] | None:
    """Draw a row of the picture; None for an image that needs its own pipeline."""
    image = mmcv.imread(item.image, channel_order="rgb")
    mask = _read(store, "masks", item.id)
    if image is None or image.shape[:2] != mask.shape:
        return None
    palette = manifest["palette"]
    pictures = {f"{item.source}: {item.id}": image}
    pictures["pseudo-mask"] = _paint(mask, palette, image)
    if manifest["confidence"]:
        level = _read(store, "confidence", item.id)
        pictures["confidence"] = color_map(level / 255)
    truth = load_truth(item, mask.shape, len(manifest["classes"]))
    if truth is not None:
        pictures["true mask"] = _paint(truth.numpy(), palette, image)
    return titled_row(pictures, height=200)


def _paint(
    labels: NDArray[np.uint8],
    palette: Sequence[Sequence[int]],
    image: NDArray[np.uint8] | None,
) -> NDArray[np.uint8]:
    colored = color_labels(labels, palette)
    return colored if image is None else overlay(image, colored)


def _read(store: Store, kind: str, name: str) -> NDArray[np.uint8]:
    path = str(store.path(kind, name))
    return mmcv.imread(path, flag="unchanged", backend="pillow")


def _spread(values: Sequence[T], count: int) -> list[T]:
    indices = np.linspace(0, len(values) - 1, min(count, len(values)))
    return [values[round(index)] for index in indices]
