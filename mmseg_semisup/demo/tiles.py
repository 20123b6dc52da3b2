"""Draws a small stand-in for the photographs of magnetic tiles.

It has the layout and the classes of the real set
(``configs/_base_/datasets/magnetic_tiles.py``), so that its configs and the tutorial
run without it: grey tiles, of which half have a defect. Scores on it mean
nothing.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.palette import full_palette

CLASSES = ("free", "blowhole", "break", "crack", "fray", "uneven")
PALETTE = (
    (60, 60, 68),
    (230, 85, 60),
    (250, 190, 50),
    (60, 165, 110),
    (70, 120, 220),
    (190, 90, 200),
)
SPLITS = {"train": 80, "val": 24}
LABELED = 16
LABELED_LIST = "seed0_1_16_labeled"
SIDES = 110, 190
"""Least and greatest side of a tile, in pixels."""


def prepare_tiles(folder: str | Path, seed: int = 0) -> bool:
    """Write the stand-in, unless the folder holds lists of images already.

    Args:
        folder: Folder of ``images``, ``masks`` and ``splits``.
        seed: Another seed gives other tiles.

    Returns:
        Whether anything was written.

    Raises:
        WriteError: If a file cannot be written.
    """
    root = Path(folder)
    if (root / "splits" / "val.txt").is_file():
        return False
    rng = np.random.default_rng(seed)
    ids = {}
    for split, count in SPLITS.items():
        # Every second tile has no defect, the others have all defects in turn.
        kinds = [i // 2 % 5 + 1 if i % 2 else 0 for i in range(count)]
        ids[split] = [f"{CLASSES[k]}_{split}_{i:03d}" for i, k in enumerate(kinds)]
        for name, kind in zip(ids[split], kinds, strict=True):
            image, mask = draw_tile(kind, rng)
            _, content = cv2.imencode(".jpg", image)
            atomic_write(root / "images" / f"{name}.jpg", content.tobytes())
            png = encode_labels(mask, full_palette(PALETTE))
            atomic_write(root / "masks" / f"{name}.png", png)
    ids[LABELED_LIST] = ids["train"][:LABELED]
    for name in (LABELED_LIST, "train", "val"):
        text = "".join(f"{i}\n" for i in ids[name])
        atomic_write(root / "splits" / f"{name}.txt", text.encode())
    return True


def draw_tile(
    kind: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a tile.

    Args:
        kind: Number of the class of its defect; 0: it has none.
        rng: Source of the random numbers.

    Returns:
        Grey image and mask, both (H, W), uint8.
    """
    height, width = rng.integers(*SIDES, size=2)
    rows, columns = np.mgrid[:height, :width]
    light = 110 + rng.uniform(-0.3, 0.3) * rows + rng.uniform(-0.3, 0.3) * columns
    region = _region(kind, height, width, rng)
    texture = rng.normal(0, 1, (height, width))
    # Blowholes, breaks and cracks are dark, uneven places bright; a fray is rough.
    darker = {1: -60, 2: -50, 3: -45, 4: -10, 5: 35}.get(kind, 0)
    noise = np.where(region & (kind == 4), 30, 6) * texture
    image = np.clip(light + darker * region + noise, 0, 255).astype(np.uint8)
    return image, (kind * region).astype(np.uint8)


def _region(
    kind: int, height: int, width: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Where the defect is, (H, W)."""
    canvas = np.zeros((height, width), np.uint8)
    y, x = (int(rng.integers(30, n - 30)) for n in (height, width))
    size = int(rng.integers(14, 24))
    if kind == 1:
        cv2.circle(canvas, (x, y), size // 3, 1, -1)
    elif kind == 2:
        cv2.ellipse(canvas, (0, y), (2 * size, size), 0, 0, 360, 1, -1)
    elif kind == 3:
        steps = rng.integers(-14, 15, size=(6, 2)).cumsum(axis=0)
        path = (steps + (x, y)).astype(np.int32)
        cv2.polylines(canvas, [path], isClosed=False, color=1, thickness=3)
    elif kind == 4:
        cv2.rectangle(canvas, (x - size, y - size), (x + size, y + size), 1, -1)
    elif kind == 5:
        cv2.ellipse(canvas, (x, y), (2 * size, size), 30, 0, 360, 1, -1)
    return canvas.astype(bool)
