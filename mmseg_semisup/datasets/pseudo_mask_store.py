"""A folder of pseudo-masks: its files, its manifest, and the checks of both.

``masks/ID.png`` are indexed, ``confidence/ID.png`` grey; ``manifest.json`` is written
when all masks are finished. Until then ``progress`` lists the finished ones.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mmseg_semisup.core.errors import DataError, StoreError
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.records import RecordError, check_form, read_record
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.core.text import compare_names, shorten

from .image_headers import DEFAULT, Reader, image_size
from .lists import scan_folder

FORMAT = 1
MANIFEST = "manifest.json"
PROGRESS = "progress"
KINDS = ("masks", "confidence")
FORM = {"classes": object, "palette": object, "images": [object]}
"""Of a manifest, see :mod:`~mmseg_semisup.core.records`."""


class Store:
    """A folder of pseudo-masks.

    Args:
        folder: Its path; it need not exist.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def manifest_path(self) -> Path:
        """Path of the manifest."""
        return self.folder / MANIFEST

    @property
    def progress(self) -> Path:
        """Folder of the records that precede the manifest."""
        return self.folder / PROGRESS

    def path(self, kind: str, name: str) -> Path:
        """Path of a file.

        Args:
            kind: 'masks' or 'confidence'.
            name: Id of the image.
        """
        return self.folder / kind / f"{name}.png"

    def read_manifest(self) -> dict[str, Any]:
        """Read the manifest.

        Raises:
            StoreError: If the store is not complete, or the folder is no store.
        """
        path = self.manifest_path
        if not path.is_file():
            if self.progress.is_dir():
                raise StoreError(
                    f"the pseudo-masks in {self.folder} are not complete; the command "
                    "that makes them goes on where it was stopped"
                )
            shown = printable(str(self.folder), keep="")
            raise StoreError(f"no pseudo-masks in {shown}: there is no {path.name}")
        try:
            manifest = read_record(path, {"format": int})
            version = manifest["format"]
            if version != FORMAT:
                raise StoreError(f"{path} has format {version}; allowed: {FORMAT}")
            check_form(manifest, FORM)
        except RecordError as error:
            raise StoreError(
                f"{path} is no manifest of pseudo-masks: {error}"
            ) from error
        wrong = [r for r in manifest["images"] if not _is_record(r)]
        if wrong:
            raise StoreError(
                f"{path}: {str(wrong[0])[:100]} is no image of a store; its id is a "
                "path below the folder of masks"
            )
        fault = _fault(manifest)
        if fault:
            raise StoreError(f"{path}: {fault}")
        return manifest

    def check(self, manifest: Mapping[str, Any], reader: Reader = DEFAULT) -> None:
        """Compare all files with the manifest, and the sizes of images with the masks'.

        Args:
            manifest: The manifest.
            reader: How the images are loaded.

        Raises:
            StoreError: If a file is missing, changed or foreign, or an image is missing
                or has another size; the message names them.
        """
        problems = list(self._problems(manifest, reader))
        if problems:
            raise StoreError(
                f"the pseudo-masks in {self.folder} cannot be used: "
                + "; ".join(problems)
                + ". Put the files back, or remove the folder and make the masks anew"
            )

    def _problems(self, manifest: Mapping[str, Any], reader: Reader) -> Iterator[str]:
        records = manifest["images"]
        for kind in KINDS:
            expected = {r["id"]: r[kind] for r in records if kind in r}
            folder = self.folder / kind
            present = set(scan_folder(folder, (".png",))) if folder.is_dir() else set()
            missing = [name for name in expected if name not in present]
            if missing:
                yield f"{kind} are missing: {shorten(missing)}"
            foreign = sorted(present - set(expected))
            if foreign:
                yield f"{kind} that the manifest does not know: {shorten(foreign)}"
            changed = [
                name
                for name, size in expected.items()
                if name in present and not self.is_whole(kind, name, size)
            ]
            if changed:
                yield f"{kind} are cut off or were changed: {shorten(changed)}"
        with ThreadPoolExecutor(8) as threads:
            fits = list(threads.map(partial(_fits, reader=reader), records))
        other = [name for name in fits if name]
        if other:
            yield f"images do not fit their masks: {shorten(other)}"

    def is_whole(self, kind: str, name: str, expected: Mapping[str, int]) -> bool:
        """Whether a file has its size and checksum of the manifest.

        Args:
            kind: 'masks' or 'confidence'.
            name: Id of the image.
            expected: ``bytes`` and ``crc32`` of the file.
        """
        path = self.path(kind, name)
        try:
            if os.stat(path).st_size != expected["bytes"]:
                return False
            return zlib.crc32(read_plain(path)) == expected["crc32"]
        except OSError:
            return False


def check_classes(own: Sequence[str], labeled: Sequence[str], what: str) -> None:
    """Raise StoreError unless two lists of class names are equal.

    Args:
        own: Names of the classes of a network or store.
        labeled: Names of the classes of the labelled source; empty: not known.
        what: The network or store, for the message.
    """
    differing = compare_names(own, labeled) if labeled else ""
    if differing:
        raise StoreError(
            f"{what} has other classes than the labelled images: {differing}"
        )


def _fault(manifest: Mapping[str, Any]) -> str:
    """What is wrong with the values of a manifest, by key, or nothing."""
    classes, palette = manifest["classes"], manifest["palette"]
    if not isinstance(classes, list) or not all(isinstance(c, str) for c in classes):
        return f"classes is {str(classes)[:60]}, and no list of names"
    if not isinstance(palette, list) or not all(map(_is_colour, palette)):
        return f"palette is {str(palette)[:60]}, and no list of colours (R, G, B)"
    for record in manifest["images"]:
        if "masks" not in record:
            return f"images: {record['id']!r} has no masks"
        for kind in KINDS:
            entry = record.get(kind, {"bytes": 0, "crc32": 0})
            numbers = entry if isinstance(entry, dict) else {}
            if not all(isinstance(numbers.get(k), int) for k in ("bytes", "crc32")):
                return (
                    f"images: {record['id']!r}: {kind} is {str(entry)[:60]}, and not "
                    "the numbers 'bytes' and 'crc32'"
                )
    names = Counter(record["id"] for record in manifest["images"])
    twice = [name for name, number in names.items() if number > 1]
    return f"images: ids are there twice: {shorten(twice)}" if twice else ""


def _is_colour(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(part, int) and 0 <= part <= 255 for part in value)
    )


def _is_record(record: Any) -> bool:
    """Whether an entry is complete, and its id does not lead out of the store."""
    if not isinstance(record, dict):
        return False
    name, image, size = (record.get(key) for key in ("id", "image", "size"))
    if not (isinstance(name, str) and isinstance(image, str) and name and image):
        return False
    own = PurePosixPath(name.replace("\\", "/"))
    return isinstance(size, list) and not own.is_absolute() and ".." not in own.parts


def _fits(record: Mapping[str, Any], reader: Reader) -> str:
    """What is wrong with the image of a mask, or nothing."""
    try:
        size = image_size(record["image"], reader)
    except DataError as error:
        return str(error)
    if list(size) == list(record["size"]):
        return ""
    return f"{record['image']} is {size}, its mask {tuple(record['size'])}"
