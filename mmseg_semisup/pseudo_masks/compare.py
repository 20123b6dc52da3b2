"""The pseudo-masks of several stores for the same images, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import mmcv
import numpy as np

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.lists import some
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.visualization.panels import (
    color_labels,
    overlay,
    stack_rows,
    titled_row,
)


def compare_stores(
    folders: Mapping[str, str | Path],
    count: int = 6,
    names: Sequence[str] | None = None,
    photos: bool = True,
) -> np.ndarray:
    """Draw what stores hold for the same images, such as those of successive stages.

    Args:
        folders: Title to the folder of a complete store; all of the same classes.
        count: Number of images, spread evenly over those that all stores hold.
        names: Or their ids.
        photos: Whether to show the image, and the masks over it; without, the picture
            holds nothing of the data set.

    Returns:
        (H, W, 3), uint8, RGB: a row an image, a column a store.

    Raises:
        StoreError: If a store is not complete, has other classes than the first, or
            lacks an image; if an image cannot be read.
    """
    stores = {title: Store(folder) for title, folder in folders.items()}
    manifests = {title: store.read_manifest() for title, store in stores.items()}
    first = next(iter(manifests.values()))
    for title, manifest in manifests.items():
        if manifest["classes"] != first["classes"]:
            raise StoreError(
                f"{stores[title].folder} has the classes {manifest['classes']}, but "
                f"{next(iter(stores.values())).folder} has {first['classes']}"
            )
    images = {record["id"]: record["image"] for record in first["images"]}
    common = set(images).intersection(
        *({record["id"] for record in m["images"]} for m in manifests.values())
    )
    if names is None:
        held = [name for name in images if name in common]
        places = np.linspace(0, len(held) - 1, min(count, len(held)))
        names = [held[round(place)] for place in places]
    missing = [name for name in names if name not in common]
    if missing or not names:
        raise StoreError(f"not all stores hold {some(missing) or 'any image'}")
    rows = []
    for name in names:
        row, image = {}, None
        if photos:
            image = mmcv.imread(images[name], channel_order="rgb")
            if image is None:
                raise StoreError(f"{images[name]} cannot be read as an image")
            row[name] = image
        for title, store in stores.items():
            path = str(store.path("masks", name))
            mask = mmcv.imread(path, flag="unchanged", backend="pillow")
            colored = color_labels(mask, first["palette"])
            row[title] = colored if image is None else overlay(image, colored)
        rows.append(titled_row(row, height=160))
    return stack_rows(rows)
