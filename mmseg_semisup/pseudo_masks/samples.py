"""A picture of some images with their pseudo-masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import mmcv
import numpy as np

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


def draw_samples(
    store: Store, manifest: Mapping[str, Any], items: Sequence[Item]
) -> bytes:
    """Draw images, pseudo-masks, confidence if it is stored, and true masks.

    Args:
        store: The store, complete but for its manifest.
        manifest: Its manifest.
        items: Its images.

    Returns:
        A PNG file with a row for each of eight images, spread evenly over the list and
        over images with and without true masks.
    """
    known = [item for item in items if item.mask]
    chosen = _spread(known, ROWS // 2)
    rest = [item for item in items if item not in chosen]
    chosen += _spread(rest, ROWS - len(chosen))
    rows = [_row(store, manifest, item) for item in chosen]
    picture = stack_rows([row for row in rows if row is not None] or [EMPTY])
    _, content = cv2.imencode(".png", picture[..., ::-1])
    return content.tobytes()


def _row(store: Store, manifest: Mapping[str, Any], item: Item) -> np.ndarray | None:
    """A row of the picture; None for an image that only its own pipeline can load."""
    image = mmcv.imread(item.image)
    mask = _read(store, "masks", item)
    if image is None or image.shape[:2] != mask.shape:
        return None
    image = np.ascontiguousarray(image[..., ::-1])

    def painted(labels: np.ndarray) -> np.ndarray:
        return overlay(image, color_labels(labels, manifest["palette"]))

    pictures = {f"{item.source}: {item.id}": image, "pseudo-mask": painted(mask)}
    if manifest["confidence"]:
        level = _read(store, "confidence", item)
        pictures["confidence"] = color_map(level / 255)
    truth = load_truth(item, mask.shape, len(manifest["classes"]))
    if truth is not None:
        pictures["true mask"] = painted(truth.numpy())
    return titled_row(pictures, height=200)


def _read(store: Store, kind: str, item: Item) -> np.ndarray:
    path = str(store.path(kind, item.id))
    return mmcv.imread(path, flag="unchanged", backend="pillow")


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    places = np.linspace(0, len(items) - 1, min(count, len(items)))
    return [items[round(place)] for place in places]
