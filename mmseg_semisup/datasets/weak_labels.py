"""A dataset of images with the list of classes that each shows."""

from __future__ import annotations

import json
import os.path as osp
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.text import shorten

from .lists import IMAGE_SUFFIXES, read_ids, scan_folder, strip_suffix

BACKGROUND = "background"


@DATASETS.register_module()
class WeakLabelDataset(BaseSegDataset):
    """Images with a list of the classes that each of them shows.

    As the source ``weak`` of ``SemiDataset``, its pipeline has ``LoadImageLabels`` and
    ends with ``PackImageLabels``. A dataset with masks becomes such a source with the
    same two transforms behind ``LoadAnnotations``.

    Args:
        classes: Names of all classes, in the order of their numbers.
        ann_file: Text file with lines ``id: class, class``, or JSON file
            ``{"id": ["class", "class"]}``. Ids are paths below the folder of images,
            with or without suffix.
        data_root: Folder that the other paths are relative to.
        data_prefix: ``dict(img_path=...)``: the folder of images.
        always: Classes, among ``classes``, that count as present in every image.
        allow_missing: Whether a class may have no image.
        img_suffix: Suffix of the images, or several.
        pipeline: Transforms.

    Raises:
        ValueError: If the file cannot be read, names an unknown class, a missing image
            or an image twice, or no image shows a class.
    """

    def __init__(
        self,
        classes: Sequence[str],
        ann_file: str,
        data_root: str | None = None,
        data_prefix: dict[str, Any] | None = None,
        always: Sequence[str] = (BACKGROUND,),
        allow_missing: bool = False,
        img_suffix: str | Sequence[str] = IMAGE_SUFFIXES,
        pipeline: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.always = [name for name in always if name in classes]
        self.allow_missing = allow_missing
        suffixes = [img_suffix] if isinstance(img_suffix, str) else img_suffix
        self.suffixes = tuple(suffix.lower() for suffix in suffixes)
        super().__init__(
            ann_file=ann_file,
            metainfo={"classes": tuple(classes)},
            data_root=data_root,
            data_prefix=data_prefix or {"img_path": "images"},
            pipeline=list(pipeline),
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the labels and find the images."""
        folder = self.data_prefix.get("img_path") or "."
        if not osp.isdir(folder):
            raise ValueError(f"weakly labelled images: there is no folder {folder}")
        found = scan_folder(folder, self.suffixes)
        named: dict[str, Sequence[str]] = {}
        keys: dict[str, str] = {}
        for key, names in read_image_labels(self.ann_file).items():
            image = strip_suffix(key, self.suffixes)
            if image in named:
                raise ValueError(
                    f"{self.ann_file}: {keys[image]} and {key} name the same image"
                )
            named[image], keys[image] = names, key
        missing = [key for key in named if key not in found]
        if missing:
            raise ValueError(
                f"{self.ann_file}: no image in {folder} for {shorten(missing)}"
            )
        numbers = self._numbers(named)
        common: dict[str, Any] = {
            "label_map": None,
            "reduce_zero_label": False,
            "seg_fields": [],
        }
        return [
            {"img_path": osp.join(folder, found[key]), "present_classes": n, **common}
            for key, n in numbers.items()
        ]

    def _numbers(self, named: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
        classes = list(self.metainfo["classes"])
        place = {name: number for number, name in enumerate(classes)}
        numbers = {}
        for key, names in named.items():
            unknown = [name for name in names if name not in place]
            if unknown:
                raise ValueError(
                    f"{self.ann_file}: {key} has the unknown class {shorten(unknown)}; "
                    f"allowed: {classes}"
                )
            numbers[key] = sorted({place[n] for n in (*names, *self.always)})
        shown = {number for image in numbers.values() for number in image}
        absent = [name for number, name in enumerate(classes) if number not in shown]
        if absent and not self.allow_missing:
            raise ValueError(
                f"{self.ann_file}: no image shows {shorten(absent)}; add some, or set "
                "allow_missing=True"
            )
        return numbers


def read_image_labels(path: str | Path) -> dict[str, list[str]]:
    """Read the ids and the names of their classes from a text or JSON file.

    Raises:
        ValueError: If the file is missing or has another form, or an id occurs twice;
            the message names the line or id.
    """
    path = Path(path)
    if path.suffix.lower() != ".json":
        return _read_text(path)
    try:
        text = read_plain(path).decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=_unique)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} is no JSON object {{"id": ["class", ...]}}')
    for key, names in content.items():
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise ValueError(f"{path}: {key} has {names!r} and no list of class names")
    return content


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Build a JSON object without equal keys, of which json would keep the last."""
    content: dict[str, object] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"{key} is there twice")
        content[key] = value
    return content


def _read_text(path: Path) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for line in read_ids(path):
        key, colon, names = line.rpartition(":")
        key = key.strip()
        if not colon or not key:
            raise ValueError(f"{path}: {line!r}; expected 'id: class, class'")
        if key in labels:
            raise ValueError(f"{path}: {key} is there twice")
        labels[key] = [n.strip() for n in names.split(",") if n.strip()]
    return labels


def write_image_labels(
    path: str | Path, labels: Mapping[str, Iterable[str]], classes: Sequence[str]
) -> None:
    """Write a file that :class:`WeakLabelDataset` reads.

    Args:
        path: The file; a JSON file if it ends with ``.json``, else a text file.
        labels: Id to names of classes.
        classes: All classes, in the order in which they are written.
    """
    ordered = {
        key: [name for name in classes if name in set(names)]
        for key, names in labels.items()
    }
    if Path(path).suffix.lower() == ".json":
        text = json.dumps(ordered, indent=1) + "\n"
    else:
        text = "".join(f"{k}: {', '.join(names)}\n" for k, names in ordered.items())
    atomic_write(path, text.encode())
