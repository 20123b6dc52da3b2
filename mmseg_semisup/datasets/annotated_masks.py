"""Masks that are drawn from the annotations of a JSON file: COCO or Label Studio."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.annotation_files.coco import CocoIndex
from mmseg_semisup.annotation_files.json_parts import JsonParts
from mmseg_semisup.annotation_files.label_studio import TaskIndex
from mmseg_semisup.annotation_files.shapes import Drawing, paint
from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.text import shorten

from .image_headers import image_size
from .image_names import ImageNames
from .mask_files import ClassMap
from .sources import file_key

MARK = "#"
"""Between the file and the position of an image in it."""


class AnnotatedMasks:
    """Masks of a file of annotations; the file stays as it is, and is not held.

    Args:
        path: COCO's file, or an export of Label Studio as JSON.
        classes: The classes that the names in the file stand for.
        rest: Value of pixels without annotation.

    Raises:
        DataError: If the file cannot be used, or a name in it is no class.
    """

    def __init__(self, path: str, classes: ClassMap, rest: int) -> None:
        self.path, self.rest = path, rest
        if not os.path.isfile(path):
            raise DataError(f"there is no file of annotations {path}")
        with open(path, "rb") as file:
            first = file.read(1000).lstrip(b"\xef\xbb\xbf").lstrip()[:1]
        if first == b"<":
            raise DataError(
                f"{path}: annotations are read from JSON; import_masks.py makes masks "
                "of CVAT's XML"
            )
        parts = JsonParts(path)
        self._index: CocoIndex | TaskIndex
        self._index = TaskIndex(parts) if first == b"[" else CocoIndex(parts)
        if not self._index.images:
            raise DataError(f"{path}: no image is annotated")
        try:
            classes.check_used(self._index.labels)
            self._values = {name: classes.value(name) for name in self._index.labels}
        except ValueError as error:
            raise DataError(f"{path}: {error}") from error
        self._files: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def find(self, images: ImageNames) -> dict[str, str]:
        """The masks of a folder's images.

        Args:
            images: The images.

        Returns:
            Id of each annotated image, and what :meth:`read` takes for its mask.

        Raises:
            DataError: If annotated images are missing, or one is annotated twice.
        """
        found: dict[str, str] = {}
        problems = []
        for number in range(self._index.images):
            name = self._index.name(number)
            try:
                key, self._files[number] = images.find(name)
                if key in found:
                    raise DataError("it is annotated twice")
            except DataError as error:
                problems.append(f"{name}: {error}")
                continue
            self._numbers[file_key(self._files[number])] = number
            found[key] = f"{self.path}{MARK}{number}"
        if problems:
            raise DataError(f"{self.path}: {shorten(problems, 3)}")
        return found

    def mask_of(self, image: str) -> str | None:
        """What :meth:`read` takes for the mask of an image, or None.

        Args:
            image: Path of an image, which :meth:`find` may have seen.
        """
        number = self._numbers.get(file_key(image))
        return None if number is None else f"{self.path}{MARK}{number}"

    def read(self, path: str) -> NDArray[np.uint8]:
        """Draw a mask, see :class:`~.mask_files.MaskSource`."""
        drawing = self._drawing(path)
        size = self._size(drawing, path)
        mask = np.full(size, self.rest, np.uint8)
        for shape in drawing.shapes:
            paint(mask, shape, self._values[shape.label], size)
        return mask

    def size(self, path: str) -> tuple[int, int]:
        """Size of a mask, see :class:`~.mask_files.MaskSource`."""
        return self._size(self._drawing(path), path)

    def _drawing(self, path: str) -> Drawing:
        return self._index.drawing(int(path.rpartition(MARK)[2]))

    def _size(self, drawing: Drawing, path: str) -> tuple[int, int]:
        """The image's own size; the tool's must be the same.

        A file may state any size, whose mask would fill the memory.
        """
        image = self._files[int(path.rpartition(MARK)[2])]
        size = image_size(image)
        if drawing.size not in (None, size):
            height, width = drawing.size or size
            raise DataError(
                f"{image} was annotated with {width}x{height} pixels, and has "
                f"{size[1]}x{size[0]} (width x height)"
            )
        return size
