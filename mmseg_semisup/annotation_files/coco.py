"""COCO: masks as run lengths by columns, or polygons; one list for all images.

The compressed text of run lengths is that of COCO's API: each length is written as the
difference from the one before the last, in characters of six bits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.text import shorten

from .json_parts import JsonParts
from .labels import Labels
from .runs import from_runs, placed_runs
from .shapes import Annotated, AnnotationError, Drawing, Patch, Shape, polygon

FIRST_CHARACTER = 48
IMAGE = {"id": (int, str), "file_name": str, "height": int, "width": int}
CATEGORY = {"id": int, "name": str}
ANNOTATION = {"image_id": (int, str), "category_id": int}
"""Forms of the entries, see :mod:`~mmseg_semisup.core.records`."""


def fragment(image: Annotated, labels: Labels) -> dict[str, Any]:
    """The entry of an image, and those of its regions without numbers.

    Args:
        image: The image.
        labels: The classes.
    """
    height, width = image.size
    found = []
    for region in image.regions:
        rows, columns = region.pixels.shape
        runs = placed_runs(region.pixels.T, region.left, region.top, (width, height))
        entry: dict[str, Any] = {
            "category_id": _category(region.label, labels),
            "segmentation": {
                "size": [height, width],
                "counts": compress(runs),
            },
            "area": int(region.pixels.sum()),
            "bbox": [region.left, region.top, columns, rows],
            "iscrowd": 0,
        }
        if region.score is not None:
            entry["score"] = region.score
        found.append(entry)
    head = {"file_name": image.name, "height": height, "width": width}
    return {"image": head, "annotations": found}


def assemble(
    file: BinaryIO, fragments: Callable[[], Iterator[dict[str, Any]]], labels: Labels
) -> None:
    """Write the whole file.

    Args:
        file: An open file.
        fragments: Function that returns the results of :func:`fragment` in order.
        labels: The classes.
    """
    categories = [
        {"id": _category(number, labels), "name": name, "supercategory": ""}
        for number, name in labels.drawn.items()
    ]
    images = ({"id": i, **part["image"]} for i, part in enumerate(fragments(), 1))
    owned = ((i, a) for i, p in enumerate(fragments(), 1) for a in p["annotations"])
    annotations = (
        {"id": number, "image_id": image, **entry}
        for number, (image, entry) in enumerate(owned, 1)
    )
    file.write(b'{"info": {"description": "masks of mmseg_semisup"},\n "licenses": []')
    for key, entries in (
        ("categories", iter(categories)),
        ("images", images),
        ("annotations", annotations),
    ):
        file.write(f',\n "{key}": ['.encode())
        _write_entries(file, entries)
        file.write(b"]")
    file.write(b"\n}\n")


def read(parts: JsonParts) -> Iterator[Drawing]:
    """Read the images of a file with their annotations, one by one.

    Args:
        parts: The file.

    Raises:
        DataError: If the file is not COCO's, or an entry has another form.
    """
    index = CocoIndex(parts)
    for number in range(index.images):
        yield index.drawing(number)


class CocoIndex:
    """Places of all images and annotations of a file.

    Args:
        parts: The file.

    Attributes:
        labels: Names of the categories that annotations have.

    Raises:
        DataError: If the file is not COCO's, or an entry has another form.
    """

    def __init__(self, parts: JsonParts) -> None:
        self._parts = parts
        self._images: list[tuple[str, int, int]] = []
        self._categories: dict[int, str] = {}
        numbers: dict[int | str, int] = {}
        owners: list[int | str] = []
        starts: list[int] = []
        ends: list[int] = []
        keys: set[str] = set()
        used: set[int] = set()
        for part in parts.parts():
            keys.add(part.key)
            if part.key == "images":
                numbers[parts.read(part, IMAGE)["id"]] = len(self._images)
                self._images.append(part)
            elif part.key == "categories":
                entry = parts.read(part, CATEGORY)
                self._categories[entry["id"]] = entry["name"]
            elif part.key == "annotations":
                entry = parts.read(part, ANNOTATION)
                owners.append(entry["image_id"])
                used.add(entry["category_id"])
                starts.append(part.start)
                ends.append(part.end)
        if "images" not in keys or "categories" not in keys:
            raise DataError(
                f"{parts.path} is no COCO file of annotations: it lists no "
                f"{'images' if 'images' not in keys else 'categories'}"
            )
        if len(numbers) < len(self._images):
            raise DataError(f"{parts.path}: images have the same id")
        lost = [str(owner) for owner in owners if owner not in numbers]
        if lost:
            raise DataError(
                f"{parts.path}: annotations of images that it does not list: "
                f"{shorten(list(dict.fromkeys(lost)))}"
            )
        unknown = used - self._categories.keys()
        if unknown:
            raise DataError(
                f"{parts.path}: category_id {min(unknown)} is not among the categories"
            )
        self.labels = [self._categories[number] for number in sorted(used)]
        own = np.array([numbers[owner] for owner in owners], np.int64)
        self._order = np.argsort(own, kind="stable")
        self._bounds = np.searchsorted(
            own[self._order], np.arange(len(self._images) + 1)
        )
        self._starts, self._ends = np.array(starts, int), np.array(ends, int)

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self._images)

    def name(self, number: int) -> str:
        """Name of an image.

        Args:
            number: Its position in the file.
        """
        return str(self._parts.read(self._images[number], IMAGE)["file_name"])

    def drawing(self, number: int) -> Drawing:
        """Read an image with its annotations.

        Args:
            number: Its position in the file.

        Raises:
            DataError: If an entry has another form.
        """
        head = self._parts.read(self._images[number], IMAGE)
        shapes = []
        for place in self._order[self._bounds[number] : self._bounds[number + 1]]:
            part = ("annotations", int(self._starts[place]), int(self._ends[place]))
            entry = self._parts.read(part, ANNOTATION)
            label = self._categories[entry["category_id"]]
            shapes.append(Shape(label, _drawer(entry.get("segmentation"))))
        return Drawing(head["file_name"], (head["height"], head["width"]), shapes)


def compress(runs: NDArray[np.int64]) -> str:
    """Run lengths as COCO's text.

    Args:
        runs: (R,), int64.

    >>> compress(np.array([0, 3, 100, 2]))
    '03T3O'
    """
    values = runs.copy()
    values[3:] -= runs[1:-2]
    text = bytearray()
    for value in values.tolist():
        rest = value
        while True:
            low, rest = rest & 31, rest >> 5
            more = rest != (-1 if low & 16 else 0)
            text.append((low | 32 if more else low) + FIRST_CHARACTER)
            if not more:
                break
    return text.decode()


def decompress(text: str) -> NDArray[np.int64]:
    """The run lengths of :func:`compress`.

    Args:
        text: COCO's text.

    Returns:
        (R,), int64.

    Raises:
        AnnotationError: If it is no such text.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text.encode("utf-8", "replace"):
        code = character - FIRST_CHARACTER
        if not 0 <= code < 64 or shift > 60:
            raise AnnotationError("its text of run lengths is damaged")
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise AnnotationError("its text of run lengths is cut off")
    try:
        return np.array(runs, np.int64)
    except OverflowError as error:
        raise AnnotationError("its text of run lengths is damaged") from error


def _drawer(segmentation: Any) -> Callable[[tuple[int, int]], Patch]:
    def draw(size: tuple[int, int]) -> Patch:
        if isinstance(segmentation, Mapping):
            return 0, 0, _decode(segmentation, size)
        if not isinstance(segmentation, list) or not segmentation:
            raise AnnotationError(f"segmentation is {str(segmentation)[:40]}")
        mask = np.zeros(size, bool)
        for points in segmentation:
            if not isinstance(points, list) or not all(map(_is_number, points)):
                raise AnnotationError("a polygon is no list of numbers")
            mask |= polygon(points, size)[2]
        return 0, 0, mask

    return draw


def _decode(encoded: Mapping[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    stated, counts = encoded.get("size"), encoded.get("counts")
    if stated != list(size):
        raise AnnotationError(f"its size is {stated}, that of the image {list(size)}")
    runs: Sequence[int] | NDArray[np.int64]
    if isinstance(counts, str):
        runs = decompress(counts)
    elif isinstance(counts, list):
        runs = counts
    else:
        raise AnnotationError(f"counts is {str(counts)[:40]}")
    return from_runs(runs, size[0] * size[1]).reshape(size, order="F")


def _category(number: int, labels: Labels) -> int:
    """Categories count from 1; ignored pixels come last."""
    return min(number, len(labels.names)) + 1


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _write_entries(file: BinaryIO, entries: Iterable[Mapping[str, Any]]) -> None:
    for place, entry in enumerate(entries):
        file.write(b",\n  " if place else b"\n  ")
        file.write(json.dumps(entry).encode())
