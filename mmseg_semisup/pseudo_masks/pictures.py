"""Draws pseudo-masks: samples of one store, and several stores side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import ImageFileError, StoreError
from mmseg_semisup.core.figures import encode_picture
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.datasets.read_image import read_mask, read_picture
from mmseg_semisup.datasets.sources import file_key
from mmseg_semisup.visualization.legend import (
    class_entries,
    finish_picture,
    with_score,
)
from mmseg_semisup.visualization.panels import color_map, paint, titled_row

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
        over images with and without true masks, a legend and a scale.
    """
    chosen = _spread([item for item in items if item.mask], ROWS // 2)
    rest = [item for item in items if item not in chosen]
    chosen += _spread(rest, ROWS - len(chosen))
    labels: list[NDArray[np.uint8]] = []
    rows = [_row(store, manifest, item, labels) for item in chosen]
    entries = class_entries(manifest["classes"], manifest["palette"], labels)
    maps = ["confidence"] if manifest["confidence"] else []
    drawn = [row for row in rows if row is not None] or [EMPTY]
    return encode_picture(finish_picture(drawn, entries, maps))


def compare_stores(
    folders: Mapping[str, str | Path],
    count: int = 6,
    names: Sequence[str] | None = None,
    photos: bool = True,
    items: Sequence[Item] = (),
) -> NDArray[np.uint8]:
    """Draw the masks of several stores, e.g. of successive stages, for the same images.

    Args:
        folders: Title to the folder of a complete store; all stores have the same
            classes.
        count: Number of images, spread evenly over those that all stores hold.
        names: Ids of the images, in place of ``count``.
        photos: Whether to show the image, and the masks over it; without, the picture
            holds nothing of the data set.
        items: Images with true masks, from ``list_items``: these are shown, too, and
            each mask has its mean IoU in the image.

    Returns:
        (H, W, 3), uint8, RGB: a row an image, a column a store, above a legend.

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
    known = {file_key(item.image): item for item in items if item.mask}
    classes, palette = first["classes"], first["palette"]
    rows, drawn = [], []
    for name in names:
        image = _picture(images[name]) if photos else None
        row = {} if image is None else {name: image}
        masks = {title: _read(store, "masks", name) for title, store in stores.items()}
        item = known.get(file_key(images[name]))
        truth = _truth(item, next(iter(masks.values())), len(classes))
        for title, mask in masks.items():
            row[with_score(title, mask, truth, len(classes))] = paint(
                mask, palette, image
            )
            drawn.append(mask)
        if truth is not None and photos:
            row["true mask"] = paint(truth, palette, image)
            drawn.append(truth)
        rows.append(titled_row(row, height=160))
    return finish_picture(rows, class_entries(classes, palette, drawn))


def _truth(
    item: Item | None, mask: NDArray[np.uint8], num_classes: int
) -> NDArray[np.uint8] | None:
    """The true mask of an image, (H, W), of the size of another; None without one."""
    if item is None:
        return None
    height, width = mask.shape
    found = load_truth(item, (height, width), num_classes)
    return None if found is None else found.numpy().astype(np.uint8)


def _row(
    store: Store,
    manifest: Mapping[str, Any],
    item: Item,
    labels: list[NDArray[np.uint8]],
) -> NDArray[np.uint8] | None:
    """Draw a row of the picture; None for an image that needs its own pipeline.

    The drawn label maps are appended to ``labels``.
    """
    try:
        image = _picture(item.image)
    except StoreError:
        return None
    mask = _read(store, "masks", item.id)
    if image.shape[:2] != mask.shape:
        return None
    palette = manifest["palette"]
    truth = _truth(item, mask, len(manifest["classes"]))
    labels.append(mask)
    pictures = {f"{item.source}: {item.id}": image}
    pictures[with_score("pseudo-mask", mask, truth, len(palette))] = paint(
        mask, palette, image
    )
    if manifest["confidence"]:
        level = _read(store, "confidence", item.id) / 255
        pictures[f"confidence: mean {level.mean():.2f}"] = color_map(level)
    if truth is not None:
        labels.append(truth)
        pictures["true mask"] = paint(truth, palette, image)
    return titled_row(pictures, height=200)


def _read(store: Store, kind: str, name: str) -> NDArray[np.uint8]:
    return _named(read_mask, str(store.path(kind, name)))


def _picture(path: str) -> NDArray[np.uint8]:
    """Read an image, (H, W, 3), uint8, RGB."""
    return _named(read_picture, path)


def _named(read: Callable[[str], NDArray[np.uint8]], path: str) -> NDArray[np.uint8]:
    try:
        return read(path)
    except ImageFileError as error:
        raise StoreError(str(error)) from error


def _spread(values: Sequence[T], count: int) -> list[T]:
    indices = np.linspace(0, len(values) - 1, min(count, len(values)))
    return [values[round(index)] for index in indices]
