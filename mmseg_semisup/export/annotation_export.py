"""Writes predicted masks into files of annotation tools, image by image."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.annotation_files import (
    Annotated,
    Labels,
    coco,
    cvat,
    find_regions,
    label_studio,
)
from mmseg_semisup.annotation_files.labels import IGNORED
from mmseg_semisup.core.atomic_io import append_to, atomic_file, atomic_write
from mmseg_semisup.core.errors import ConfigError, DataError, ImageFileError
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.core.file_names import check_distinct
from mmseg_semisup.core.palette import full_palette
from mmseg_semisup.core.plain_files import open_plain
from mmseg_semisup.core.records import RecordError, parse_record
from mmseg_semisup.datasets.checks.content import Clock
from mmseg_semisup.datasets.files import check_labels
from mmseg_semisup.datasets.image_headers import image_size
from mmseg_semisup.datasets.read_image import read_mask

from .mask_folders import MaskFile, MaskFolder

LINE = {"id": str, "part?": {str: object}, "problem?": str}
"""Form of a line of the record of finished images, which follows the options."""


class Format(NamedTuple):
    """A file format.

    Attributes:
        fragment: Makes the part of an image.
        assemble: Writes the file from all parts.
    """

    fragment: Callable[..., dict[str, Any]]
    assemble: Callable[[BinaryIO, Callable[[], Iterator[dict[str, Any]]], Labels], None]


FORMATS = {
    "coco": Format(coco.fragment, coco.assemble),
    "cvat": Format(cvat.fragment, cvat.assemble),
    "label-studio": Format(label_studio.fragment, label_studio.assemble),
}
PNG = "png"
KINDS = (*FORMATS, PNG)


@dataclass(frozen=True)
class Selection:
    """What of the masks is written.

    Attributes:
        confidence: Least confidence of a pixel, in 0..1.
        smallest: Least number of pixels of a region.
    """

    confidence: float = 0.0
    smallest: int = 1

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0 <= self.confidence <= 1:
            raise ConfigError(f"confidence {self.confidence}; allowed: 0 to 1")
        if self.smallest < 1:
            raise ConfigError(f"smallest {self.smallest}; allowed: 1 pixel or more")


def export_masks(
    folder: MaskFolder,
    out: str | Path,
    kind: str,
    labels: Labels,
    selection: Selection = Selection(),
    prefix: str = label_studio.LOCAL_FILES,
    report: Callable[[str], None] = print,
) -> dict[str, str]:
    """Write masks for an annotation tool.

    An export that was stopped goes on, if the same options are given again. An image
    that cannot be written does not stop the others.

    Args:
        folder: The masks.
        out: File to write; for 'png', a folder.
        kind: One of :data:`KINDS`.
        labels: The classes.
        selection: What is written of them.
        prefix: What precedes the names of images in their addresses in Label Studio.
        report: Called with lines of progress.

    Returns:
        Id of each image that was left out, and the reason.

    Raises:
        ConfigError: If the file system takes two names for one.
        WriteError: If a file cannot be written.
    """
    out = Path(out)
    if kind == PNG:
        check_distinct(out, [file.id for file in folder.files])
        write = partial(_write_png, out=out, labels=labels, selection=selection)
    else:
        more = {"prefix": prefix} if kind == "label-studio" else {}
        encode = partial(FORMATS[kind].fragment, labels=labels, **more)
        write = partial(_encode, encode=encode, labels=labels, selection=selection)
    journal = Journal(
        out.with_name(f"{out.name}.progress"),
        [kind, list(labels.names), labels.background, labels.ignored, prefix]
        + [asdict(selection), _fingerprint(folder)],
    )
    clock = Clock(len(folder.files), report)
    with journal.adding() as add:
        for file in folder.files:
            if file.id not in journal.done:
                try:
                    add({"id": file.id, "part": write(file)})
                except DataError as error:
                    add({"id": file.id, "problem": str(error)})
            clock.advance(1)
    problems = journal.problems()
    if kind != PNG:
        with atomic_file(out) as target:
            FORMATS[kind].assemble(target, journal.parts, labels)
        _write_project(out, kind, labels)
    journal.path.unlink()
    return problems


class Journal:
    """The finished parts of an export, one a line.

    Args:
        path: Its file.
        request: What the parts depend on, for JSON; a file of another request is
            removed.
    """

    def __init__(self, path: Path, request: Any) -> None:
        self.path = path
        self._head = {"id": json.dumps(request)}
        lines = self._lines()
        self.done: set[str] = set()
        if next(lines, None) == self._head:
            self.done = {line["id"] for line in lines}
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def adding(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Open it for further lines.

        Yields:
            A function that adds a line.

        Raises:
            WriteError: If the file cannot be opened.
        """
        with append_to(self.path) as file:

            def add(line: Mapping[str, Any]) -> None:
                file.write(json.dumps(line).encode() + b"\n")

            if file.tell():
                # The last line of a killed process may be incomplete.
                file.write(b"\n")
            else:
                add(self._head)
            yield add

    def parts(self) -> Iterator[dict[str, Any]]:
        """The parts, in order."""
        return (line["part"] for line in self._lines() if "part" in line)

    def problems(self) -> dict[str, str]:
        """Id of each image without a part, and the reason."""
        return {n["id"]: n["problem"] for n in self._lines() if "problem" in n}

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        with open_plain(self.path) as file:
            for text in file:
                try:
                    yield parse_record(text, LINE)
                except RecordError:
                    continue


def _fingerprint(folder: MaskFolder) -> list[Any]:
    """Tells one folder of masks from another, or from its own later state."""
    total = 0
    for file in folder.files:
        total = zlib.crc32("\0".join(file[:3]).encode("utf-8", "replace"), total)
    time = os.stat(os.path.dirname(folder.files[0].mask)).st_mtime_ns
    return [len(folder.files), total, time]


def _selected(
    file: MaskFile, labels: Labels, selection: Selection
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """A mask whose unsure pixels are ignored, and the confidence if there is one.

    Raises:
        DataError: If a file is missing or damaged, or they do not fit.
    """
    mask = read_mask(file.mask)
    size = image_size(file.image)
    if mask.shape != size:
        raise DataError(
            f"{file.mask} has {mask.shape[1]}x{mask.shape[0]} pixels, {file.image} has "
            f"{size[1]}x{size[0]} (width x height)"
        )
    try:
        check_labels(mask, size, len(labels.names))
    except ValueError as error:
        raise ImageFileError(f"{file.mask}: {error}") from error
    confidence = None
    if os.path.exists(file.confidence):
        confidence = read_mask(file.confidence)
        if confidence.shape != size:
            raise DataError(f"{file.confidence} has another size than its mask")
    elif selection.confidence > 0:
        raise DataError(
            f"there is no {file.confidence}; make the masks with --confidence"
        )
    if confidence is not None and selection.confidence > 0:
        unsure = confidence < math.ceil(selection.confidence * 255 - 1e-6)
        mask = np.where(unsure, np.uint8(IGNORED), mask)
    return mask, confidence


def _encode(
    file: MaskFile,
    encode: Callable[[Annotated], dict[str, Any]],
    labels: Labels,
    selection: Selection,
) -> dict[str, Any]:
    mask, confidence = _selected(file, labels, selection)
    numbers = list(labels.drawn)
    regions = list(find_regions(mask, numbers, confidence, selection.smallest))
    score = None if confidence is None else round(float(confidence.mean()) / 255, 4)
    return encode(Annotated(file.name, mask.shape, regions, score))


def _write_png(
    file: MaskFile, out: Path, labels: Labels, selection: Selection
) -> dict[str, Any]:
    mask, _ = _selected(file, labels, selection)
    if selection.smallest > 1:
        kept = mask == labels.rest
        for region in find_regions(mask, list(labels.drawn), None, selection.smallest):
            rows, columns = region.pixels.shape
            box = np.s_[
                region.top : region.top + rows, region.left : region.left + columns
            ]
            kept[box] |= region.pixels
        mask = np.where(kept, mask, np.uint8(IGNORED))
    content = encode_labels(mask, full_palette(labels.palette))
    atomic_write(out / f"{file.id}.png", content)
    return {}


def _write_project(out: Path, kind: str, labels: Labels) -> None:
    """Write the classes as the settings of a project take them."""
    if kind == "cvat":
        text = json.dumps(cvat.project_labels(labels), indent=1)
        atomic_write(out.with_suffix(".labels.json"), text.encode())
    if kind == "label-studio":
        text = label_studio.labelling_config(labels)
        atomic_write(out.with_suffix(".config.xml"), text.encode())
