"""Random masks, and how a file of each format is written and read."""

from __future__ import annotations

import io

import numpy as np

from mmseg_semisup.annotation_files import Annotated, Labels, find_regions
from mmseg_semisup.annotation_files.shapes import paint

LABELS = Labels.of(["background", "car", 'a "<b>" & c'])


def blobs(size=(23, 31), classes=3, seed=0):
    """A mask of overlapping rectangles and single pixels, (H, W), uint8."""
    generator = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    for _ in range(12):
        top, left = generator.integers(0, size[0]), generator.integers(0, size[1])
        height, width = generator.integers(1, 12, 2)
        value = generator.integers(0, classes)
        mask[top : top + height, left : left + width] = value
    mask[0, 0] = mask[-1, -1] = 1
    return mask


def annotated(mask, name="a.png", labels=LABELS):
    return Annotated(
        name, mask.shape, list(find_regions(mask, list(labels.drawn))), None
    )


def write(module, images, path, labels=LABELS):
    """Write a file of a format; the images are Annotated."""
    fragments = [module.fragment(image, labels) for image in images]
    content = io.BytesIO()
    module.assemble(content, lambda: iter(fragments), labels)
    path.write_bytes(content.getvalue())
    return path


def painted(drawing, size, labels=LABELS):
    """The mask of a drawing."""
    mask = np.full(size, labels.rest, np.uint8)
    for shape in drawing.shapes:
        paint(mask, shape, labels.number(shape.label), size)
    return mask
