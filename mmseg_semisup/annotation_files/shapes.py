"""What annotation tools draw on images, and how masks are made of it and into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import DataError

FARTHEST = 10
"""Greatest distance of a corner, in sizes of the image."""


class AnnotationError(DataError):
    """An annotation cannot be used; the message is part of a line about it."""


Patch = tuple[int, int, NDArray[np.bool_]]
"""Top, left, and the pixels (h, w), bool, of a part of an image."""


class Region(NamedTuple):
    """Connected pixels of one class.

    Attributes:
        label: Number of the class.
        top: First row.
        left: First column.
        pixels: (h, w), bool, of the smallest rectangle around them.
        score: Mean confidence, in 0..1; None: not known.
    """

    label: int
    top: int
    left: int
    pixels: NDArray[np.bool_]
    score: float | None


class Annotated(NamedTuple):
    """An image with regions to be written.

    Attributes:
        name: Its name in the tool.
        size: Height and width in pixels.
        regions: Its regions.
        score: Mean confidence of the image, in 0..1; None: not known.
    """

    name: str
    size: tuple[int, int]
    regions: Sequence[Region]
    score: float | None


class Shape(NamedTuple):
    """Something that was drawn.

    Attributes:
        label: Name of its class.
        draw: Function from the image's size, (H, W), to a :data:`Patch`; raises
            AnnotationError.
    """

    label: str
    draw: Callable[[tuple[int, int]], Patch]


class Drawing(NamedTuple):
    """An image with what was drawn on it.

    Attributes:
        name: Its name or address in the tool.
        size: Height and width that the tool states; None: it does not.
        shapes: Later ones cover earlier ones.
    """

    name: str
    size: tuple[int, int] | None
    shapes: Sequence[Shape]


def find_regions(
    labels: NDArray[np.uint8],
    numbers: Sequence[int],
    confidence: NDArray[np.uint8] | None = None,
    smallest: int = 1,
) -> Iterator[Region]:
    """Divide a mask into regions: one for each class and connected component.

    Pixels that touch at a corner are connected.

    Args:
        labels: (H, W), uint8.
        numbers: The labels that are wanted.
        confidence: (H, W), uint8, of which 255 is the probability 1.
        smallest: Least number of pixels of a region.

    Yields:
        The regions, by label, from top to bottom.
    """
    present = np.bincount(labels.ravel(), minlength=256)
    for number in numbers:
        if not present[number]:
            continue
        own = (labels == number).view(np.uint8)
        count, places, stats, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
        for component in range(1, count):
            left, top, width, height, area = (int(v) for v in stats[component])
            if area < smallest:
                continue
            box = slice(top, top + height), slice(left, left + width)
            pixels = places[box] == component
            score = None
            if confidence is not None:
                score = round(float(confidence[box][pixels].mean()) / 255, 4)
            yield Region(number, top, left, pixels, score)


def paint(
    canvas: NDArray[np.uint8], shape: Shape, value: int, size: tuple[int, int]
) -> None:
    """Draw a shape into a mask.

    Args:
        canvas: (H, W), uint8, changed in place.
        shape: The shape.
        value: Value of its pixels.
        size: Height and width of the image.

    Raises:
        AnnotationError: If the shape is damaged, or outside of the image.
    """
    top, left, pixels = shape.draw(size)
    height, width = pixels.shape
    if top < 0 or left < 0 or top + height > size[0] or left + width > size[1]:
        raise AnnotationError(
            f"{width}x{height} pixels at ({left}, {top}) are not within the image of "
            f"{size[1]}x{size[0]} (width x height)"
        )
    canvas[top : top + height, left : left + width][pixels] = value


def polygon(points: Sequence[float], size: tuple[int, int]) -> Patch:
    """The pixels of a polygon, as COCO's own tools draw it.

    Args:
        points: x and y of each corner in turn, in pixels.
        size: Height and width of the image.

    Raises:
        AnnotationError: If it has less than three corners, or pycocotools is missing.
    """
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise AnnotationError(
            "polygons need the package pycocotools (pip install pycocotools)"
        ) from error
    values = [float(value) for value in points]
    if len(values) < 6 or len(values) % 2 or not np.isfinite(values).all():
        raise AnnotationError(f"a polygon has {len(values)} coordinates; at least 6")
    if max(map(abs, values)) > FARTHEST * max(size):
        # The memory grows with the corners' distance from the image.
        raise AnnotationError("a corner of a polygon is far away from the image")
    encoded = coco_mask.frPyObjects([values], *size)
    return 0, 0, coco_mask.decode(encoded)[..., 0].astype(bool)


def rectangle(left: float, top: float, right: float, bottom: float) -> Patch:
    """The pixels whose centres are within a rectangle.

    Args:
        left: Least x, in pixels.
        top: Least y.
        right: Greatest x.
        bottom: Greatest y.

    Raises:
        AnnotationError: If it is empty.
    """
    if not np.isfinite([left, top, right, bottom]).all():
        raise AnnotationError("a rectangle without a place")
    x, y, x2, y2 = (round(value) for value in (left, top, right, bottom))
    if x2 <= x or y2 <= y or (x2 - x) * (y2 - y) > 1 << 32:
        raise AnnotationError("a rectangle without pixels, or with too many")
    return y, x, np.ones((y2 - y, x2 - x), bool)
