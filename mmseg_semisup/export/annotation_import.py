"""Makes masks of what was drawn in an annotation tool, image by image."""

from __future__ import annotations

import mmap
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.annotation_files import Drawing, Labels, coco, cvat, label_studio
from mmseg_semisup.annotation_files.json_parts import JsonParts
from mmseg_semisup.annotation_files.shapes import paint
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.palette import full_palette
from mmseg_semisup.core.plain_files import open_plain, read_plain
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.datasets.image_headers import image_size
from mmseg_semisup.datasets.image_names import ImageNames
from mmseg_semisup.datasets.labeled_folder import LIST, MASKS, write_labeled

MARKS = {b"<": rb"<image\s", b"[": rb'"data"\s*:', b"{": rb'"file_name"\s*:'}
"""First byte of a file to what each of its images has."""


class Imported(NamedTuple):
    """What became of a file of annotations.

    Attributes:
        ids: Ids of the images with a new mask.
        problems: A line for each image, class or file that cannot be used.
        bare: Number of those images that nobody has drawn anything in.
    """

    ids: list[str]
    problems: list[str]
    bare: int = 0


def read_drawings(path: str | Path, predictions: bool = False) -> Iterator[Drawing]:
    """Read a file of CVAT, Label Studio or COCO; its content says which.

    Args:
        path: The file.
        predictions: Whether predictions count in Label Studio, where nobody annotated.

    Raises:
        DataError: If it is none of these.
    """
    shown = printable(str(path), keep="")
    if not os.path.exists(path):
        raise DataError(f"there is no file {shown}")
    with open(path, "rb") as file:
        start = file.read(1000).lstrip(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return cvat.read(path)
    if start == b"[":
        return label_studio.read(JsonParts(path), predictions)
    if start == b"{":
        return coco.read(JsonParts(path))
    raise DataError(
        f"{shown} is no file of annotations; allowed: CVAT for images 1.1 (XML), Label "
        "Studio (JSON), COCO (JSON)"
    )


def count_images(path: str | Path) -> int:
    """About how many images a file has, without reading them; to tell the time left.

    Args:
        path: A file of CVAT, Label Studio or COCO.
    """
    with open_plain(path) as file:
        start = file.read(1000).lstrip(b"\xef\xbb\xbf").lstrip()[:1]
        mark = MARKS.get(start)
        if mark is None:
            return 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return sum(1 for _ in re.finditer(mark, content))


def import_masks(
    drawings: Iterator[Drawing],
    images: ImageNames,
    out: str | Path,
    labels: Labels,
    names: Mapping[str, str] | None = None,
    force: bool = False,
    report: Callable[[int], None] = lambda images: None,
) -> Imported:
    """Write ``masks/ID.png`` for each image, and the list of their ids.

    After an interruption, which leaves masks without a list, the same call goes on:
    masks that are as they would be written stay.

    Args:
        drawings: The images of a tool.
        images: The images themselves, which are not changed.
        out: Folder to write.
        labels: The classes; pixels without annotation are ``labels.rest``.
        names: Name of a class in the tool to its own name, or to 'none' for what is
            left out.
        force: Whether present masks are replaced.
        report: Called with the number of further images.

    Raises:
        ConfigError: If there is a list already.
        DataError: If the file is damaged in front of the first image; what follows a
            later damage is left out.
        WriteError: If a mask cannot be written.
    """
    out = Path(out)
    if (out / LIST).exists() and not force:
        raise ConfigError(f"{out / LIST} exists; --force writes over it and the masks")
    colours = full_palette(labels.palette)
    ids: dict[str, None] = {}
    problems: list[str] = []
    unknown: Counter[str] = Counter()
    bare = 0
    for drawing in _until_damage(drawings, problems):
        report(1)
        name = printable(drawing.name, keep="")
        drawn = dict.fromkeys(shape.label for shape in drawing.shapes)
        lost = [label for label in drawn if not _is_known(label, labels, names)]
        if lost:
            unknown.update(lost)
            continue
        try:
            key, path = images.find(drawing.name)
            if key in ids:
                raise DataError("it is in the file twice; the first one counts")
            mask = _draw(drawing, image_size(path), labels, names or {})
            content = encode_labels(mask, colours)
            target = out / MASKS / f"{key}.png"
            present = not force and os.path.lexists(target)
            if present and not _holds(target, content):
                raise DataError(f"{target} exists; --force writes over it")
        except DataError as error:
            problems.append(f"{name}: {error}")
            continue
        if not present:
            atomic_write(target, content)
        ids[key] = None
        bare += not drawing.shapes
    problems += [
        f"{printable(labels.unknown(label), keep='')} (in {count} images, left out)"
        for label, count in unknown.items()
    ]
    if ids:
        write_labeled(out, list(ids), images.folder, labels.names, labels.palette)
    return Imported(list(ids), problems, bare)


def _until_damage(
    drawings: Iterator[Drawing], problems: list[str]
) -> Iterator[Drawing]:
    """The images in front of the first damage of a file, which is noted."""
    found = False
    try:
        for drawing in drawings:
            yield drawing
            found = True
    except DataError as error:
        if not found:
            raise
        problems.append(f"what follows: {error}")


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file has just this content, as an interrupted import leaves it."""
    try:
        return path.stat().st_size == len(content) and read_plain(path) == content
    except OSError:
        return False


def _is_known(name: str, labels: Labels, names: Mapping[str, str] | None) -> bool:
    own = (names or {}).get(name, name)
    return own == "none" or labels.number(own) is not None


def _draw(
    drawing: Drawing, size: tuple[int, int], labels: Labels, names: Mapping[str, str]
) -> NDArray[np.uint8]:
    """The mask of an image, (H, W), uint8.

    Raises:
        DataError: If the tool had an image of another size, or a shape is damaged.
    """
    if drawing.size not in (None, size):
        height, width = drawing.size or size
        raise DataError(
            f"it was annotated with {width}x{height} pixels, and has "
            f"{size[1]}x{size[0]} (width x height)"
        )
    mask = np.full(size, labels.rest, np.uint8)
    for shape in drawing.shapes:
        value = labels.number(names.get(shape.label, shape.label))
        if value is not None:
            paint(mask, shape, value, size)
    return mask
