"""Which classes images show, from lists of labels or from masks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.lists import some
from mmseg_semisup.datasets.sources import file_key, infos

from .images import Item, list_items, load_sources
from .statistics import IGNORED, load_truth


class ImageLabels:
    """The classes that images show, found by the images' paths.

    Args:
        infos: What the images are loaded from: ``img_path``, and ``present_classes``
            (``WeakLabelDataset``) or ``seg_map_path``.
        names: For each of them, the classes that its numbers mean.
        classes: The classes that are asked for.
        palette: Their colours, or None.

    Raises:
        StoreError: If an image has no label, or there is a class that is not asked for.
    """

    def __init__(
        self,
        infos: Sequence[Mapping[str, Any]],
        names: Sequence[Sequence[str]],
        classes: Sequence[str],
        palette: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.classes = list(classes)
        self.palette = palette
        unlabeled = [
            str(info["img_path"])
            for info in infos
            if "present_classes" not in info and not info.get("seg_map_path")
        ]
        if unlabeled:
            raise StoreError(
                f"no labels are known of the images {some(unlabeled)}; use a source of "
                "the type WeakLabelDataset, or one with masks"
            )
        unknown = sorted({n for own in names for n in own if n not in self.classes})
        if unknown:
            raise StoreError(
                f"image labels name the classes {unknown}; the masks have "
                f"{self.classes}"
            )
        self._known = {
            file_key(info["img_path"]): (info, own)
            for info, own in zip(infos, names, strict=True)
        }

    def of(self, path: str, size: tuple[int, int]) -> Tensor:
        """The classes of an image, (C,), float32, 0 or 1.

        Args:
            path: Of the image.
            size: Its height and width, which a mask must have.

        Raises:
            StoreError: If the image is unknown or its mask cannot be used.
        """
        info, names = self._known.get(file_key(path), (None, ()))
        if info is None:
            raise StoreError(f"no labels are known of the image {path}")
        present = info.get("present_classes")
        if present is None:
            mask = str(info["seg_map_path"])
            keys = ("label_map", "reduce_zero_label")
            item = Item("", path, "", mask, {key: info.get(key) for key in keys})
            found = load_truth(item, size, len(names)).unique().tolist()
            present = [number for number in found if number != IGNORED]
        labels = torch.zeros(len(self.classes))
        labels[[self.classes.index(names[number]) for number in present]] = 1
        return labels

    def digest(self) -> str:
        """A number of hexadecimal digits that changes when labels do."""
        parts = [
            (
                os.path.basename(info["img_path"]),
                [names[n] for n in info["present_classes"]]
                if "present_classes" in info
                else os.path.basename(info["seg_map_path"]),
            )
            for info, names in self._known.values()
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def weak_images(cfg: Config, sources: Sequence[str]) -> tuple[list[Item], ImageLabels]:
    """The images of a training's sources, and the classes that they show.

    Args:
        cfg: Config of a training; the classes are those of its labelled source.
        sources: Names of sources.

    Raises:
        StoreError: If there is no such source, or an image has no label.
        DataError: If a source cannot be built.
    """
    items, classes = list_items(cfg, sources)
    built, labeled = load_sources(cfg, sources)
    found = [
        (info, list(built[name].metainfo.get("classes") or ()))
        for name in sources
        for info in infos(built[name])
    ]
    palette = built[labeled].metainfo.get("palette")
    labels = ImageLabels(
        [info for info, _ in found], [own for _, own in found], classes, palette
    )
    return items, labels
