"""Folders of images and predicted masks, as ``tools/predict.py`` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.palette import class_palette, full_palette
from mmseg_semisup.export.mask_folders import write_record

CLASSES = ("background", "car", "<b> & 'tree'")


def draw_predictions(
    folder: Path,
    names: Mapping[str, tuple[int, int]],
    classes=CLASSES,
    confidence: bool = True,
) -> dict[str, np.ndarray]:
    """Write ``photos`` and ``predictions``; the masks by the name of their image.

    Args:
        folder: Where to write.
        names: Name of each image to its height and width.
        classes: Names of the classes.
        confidence: Whether to write the confidence, too.
    """
    generator = np.random.default_rng(0)
    palette = full_palette(class_palette(list(classes)))
    masks, images = {}, []
    for name, size in names.items():
        mask = np.zeros(size, np.uint8)
        for _ in range(6):
            top, left = generator.integers(0, size[0]), generator.integers(0, size[1])
            height, width = generator.integers(1, 9, 2)
            value = generator.integers(0, len(classes))
            mask[top : top + height, left : left + width] = value
        path, own = folder / "photos" / name, Path(name).with_suffix("")
        files = {"masks": encode_labels(mask, palette)}
        if confidence:
            files["confidence"] = encode_labels(
                generator.integers(0, 256, size, dtype=np.uint8)
            )
        for kind, content in files.items():
            file = folder / "predictions" / kind / f"{own}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (*size, 3), np.uint8)).save(path)
        masks[name] = mask
        images.append((path, own))
    write_record(folder / "predictions", classes, class_palette(list(classes)), images)
    return masks


def read(path: Path) -> np.ndarray:
    """The values of a mask."""
    return np.array(Image.open(path))
