"""Folders of predicted masks: stores of pseudo-masks, predictions, plain folders."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError, DataError
from mmseg_semisup.core.records import RecordError, read_record
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.datasets.lists import IMAGE_SUFFIXES, MASK_SUFFIXES, scan_folder
from mmseg_semisup.datasets.pseudo_mask_store import MANIFEST, Store

RECORD = "predictions.json"
"""File beside the masks of ``tools/predict.py``: classes, colours and images."""
FORM = {
    "classes": [str],
    "palette": [[int]],
    "images": [{"id": str, "image": str}],
}


class MaskFile(NamedTuple):
    """A mask and its image.

    Attributes:
        id: Path of the mask below its folder, without ``.png``.
        image: Path of the image.
        mask: Path of the mask.
        confidence: Path of the confidence; it need not exist.
    """

    id: str
    image: str
    mask: str
    confidence: str

    @property
    def name(self) -> str:
        """The id with the suffix of the image, as tools name images."""
        suffix = Path(self.image).suffix
        whole = PurePosixPath(self.image).as_posix()
        own = f"/{whole}".endswith(f"/{self.id}") and self.id.endswith(suffix)
        return self.id if own else f"{self.id}{suffix}"


class MaskFolder(NamedTuple):
    """A folder of masks.

    Attributes:
        files: The masks.
        classes: Names of the classes.
        palette: RGB colour of each class, in 0..255; empty: not known.
    """

    files: Sequence[MaskFile]
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]


def write_record(
    folder: str | Path,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    images: Sequence[tuple[Path, Path]],
) -> None:
    """Note what the masks of a folder show.

    Args:
        folder: Has a folder ``masks``.
        classes: Names of the classes.
        palette: RGB colour of each class, in 0..255.
        images: Path of each image, and that of its mask below ``masks``, without the
            suffix.
    """
    content = {
        "classes": list(classes),
        "palette": [list(map(int, colour)) for colour in palette],
        "images": [
            {"id": name.as_posix(), "image": os.path.abspath(path)}
            for path, name in images
        ],
    }
    atomic_write(Path(folder, RECORD), json.dumps(content, indent=1).encode())


def read_mask_folder(
    folder: str | Path,
    images: str | None = None,
    classes: Sequence[str] = (),
) -> MaskFolder:
    """List the masks of a folder.

    Args:
        folder: A store of pseudo-masks, results of ``tools/predict.py``, or any folder
            of masks.
        images: Folder of the images, in place of the paths that the record has.
        classes: Names of the classes, where no record has them.

    Raises:
        ConfigError: If classes or images are not known, or there is no mask.
        StoreError: If a store is not complete.
    """
    folder = Path(folder)
    shown = printable(str(folder), keep="")
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {shown}")
    store = Store(folder)
    if store.manifest_path.exists() or store.progress.is_dir():
        record = store.read_manifest()
    elif (folder / RECORD).exists():
        try:
            record = read_record(folder / RECORD, FORM)
        except RecordError as error:
            raise ConfigError(f"{folder / RECORD}: {error}") from error
    else:
        record = _plain(folder, images, classes)
    if not record["images"]:
        raise ConfigError(f"{shown} has no mask")
    if classes and list(classes) != list(record["classes"]):
        raise ConfigError(
            f"--classes are {', '.join(classes)}, those of {shown} are "
            f"{', '.join(record['classes'])}"
        )
    found = scan_folder(images, IMAGE_SUFFIXES) if images else {}
    files = []
    for entry in record["images"]:
        name = entry["id"]
        own = PurePosixPath(name.replace("\\", "/"))
        if own.is_absolute() or ".." in own.parts:
            raise ConfigError(f"{shown}: {name!r} is no path below the folder of masks")
        image = entry["image"]
        if images is not None:
            key = name if name in found else os.path.splitext(name)[0]
            image = os.path.join(images, found.get(key, name))
        mask = entry.get("mask") or str(store.path("masks", name))
        confidence = str(store.path("confidence", name))
        files.append(MaskFile(name, image, mask, confidence))
    return MaskFolder(files, record["classes"], record["palette"])


def _plain(folder: Path, images: str | None, classes: Sequence[str]) -> dict[str, Any]:
    """A record of a folder that has none."""
    shown = printable(str(folder), keep="")
    if not classes or images is None:
        raise ConfigError(
            f"{shown} has neither {MANIFEST} (pseudo-masks) nor {RECORD} "
            "(tools/predict.py); name the classes in the order of their numbers "
            "(--classes) and the folder of the images (--images)"
        )
    place = folder / "masks" if (folder / "masks").is_dir() else folder
    try:
        masks = scan_folder(place, MASK_SUFFIXES)
    except ValueError as error:
        raise DataError(str(error)) from error
    entries = [
        {"id": name, "image": name, "mask": str(place / file)}
        for name, file in masks.items()
    ]
    return {"classes": list(classes), "palette": [], "images": entries}
