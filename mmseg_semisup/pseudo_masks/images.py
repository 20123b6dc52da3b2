"""Which images get pseudo-masks, their names in the store, and their batches."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from torch.utils.data import Dataset

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.datasets.files import image_size
from mmseg_semisup.datasets.lists import IMAGE_SUFFIXES, MASK_SUFFIXES
from mmseg_semisup.datasets.sources import (
    build_sources,
    file_key,
    infos,
    leaves,
    split_exclude,
)


@dataclass(frozen=True)
class Item:
    """An image that gets a pseudo-mask.

    Attributes:
        id: Name in the store, unique, with ``/`` between folders.
        image: Path of the image.
        source: The source that it comes from.
        mask: Path of its true mask, if it exists; only the quality is measured by it.
        loads: How the true mask is read: ``label_map`` and ``reduce_zero_label``.
    """

    id: str
    image: str
    source: str
    mask: str | None = None
    loads: Mapping[str, Any] | None = None


def list_items(cfg: Config, sources: Sequence[str]) -> tuple[list[Item], list[str]]:
    """The images of a training's sources.

    An image of several sources belongs to the first of them.

    Args:
        cfg: Config of a training with ``SemiDataset``, or plain; the data of a plain
            one is the source ``train``.
        sources: Names of sources.

    Returns:
        The images, and the names of the labelled source's classes.

    Raises:
        StoreError: If there is no such source, or none of them holds an image.
        DataError: If a source cannot be built.
    """
    built, labeled = load_sources(cfg, sources)
    found: dict[str, tuple[str, str, dict]] = {}
    for source in sources:
        for info in infos(built[source]):
            key = file_key(info["img_path"])
            found.setdefault(key, (source, str(info["img_path"]), info))
    if not found:
        raise StoreError(f"sources={list(sources)}: none of them holds an image")
    names = image_ids([path for _, path, _ in found.values()])
    masks = _MaskFinder(built[labeled])
    items = [
        Item(name, path, source, *masks.find(path, info))
        for name, (source, path, info) in zip(names, found.values(), strict=True)
    ]
    return items, list(built[labeled].metainfo.get("classes") or ())


def load_sources(cfg: Config, sources: Sequence[str]) -> tuple[dict[str, Dataset], str]:
    """Some sources of a training, without their pipelines.

    Args:
        cfg: As :func:`list_items` takes it.
        sources: Names of sources.

    Returns:
        Name to dataset, also of those that the named ones need; and which of them says
        what the classes are: the labelled one, or the first.

    Raises:
        StoreError: If there is no such source.
        DataError: If a source cannot be built.
    """
    configs = training_sources(cfg)
    unknown = [name for name in sources if configs.get(name) is None]
    if unknown or not sources:
        known = sorted(name for name, source in configs.items() if source)
        raise StoreError(
            f"sources={list(sources)}: the training has the sources {known}"
        )
    labeled = "labeled" if configs.get("labeled") else sources[0]
    needed = {labeled, *sources}
    for name in tuple(needed):
        needed |= set(split_exclude(configs[name])[1])
    return build_sources(
        {name: _without_pipeline(configs[name]) for name in configs if name in needed}
    ), labeled


def training_sources(cfg: Config) -> dict[str, Any]:
    """Name to config of each source of a training.

    Raises:
        StoreError: If the config has no training data.
    """
    dataset = (cfg.get("train_dataloader") or {}).get("dataset")
    if not dataset:
        raise StoreError("the config has no train_dataloader.dataset")
    if "sources" in dataset:
        return dict(dataset["sources"])
    return {"train": dataset}


def image_ids(paths: Sequence[str]) -> list[str]:
    """Names for images: their paths below the folder that holds them all.

    The suffix is left out, unless two images differ in nothing else.
    """
    whole = [os.path.abspath(path) for path in paths]
    folder = os.path.commonpath([os.path.dirname(path) for path in whole])
    names = [Path(os.path.relpath(path, folder)) for path in whole]
    stems = Counter(name.with_suffix("") for name in names)
    return [
        (name.with_suffix("") if stems[name.with_suffix("")] == 1 else name).as_posix()
        for name in names
    ]


def plan_batches(items: Sequence[Item], batch_size: int) -> list[list[Item]]:
    """Batches of images of one size.

    The plan depends on the images alone, not on the number of processes or on what
    is done already: a network's last digits depend on the batch that an image is in.

    Args:
        items: The images.
        batch_size: At most so many in a batch.

    Raises:
        StoreError: If there is no image, or one is missing or cannot be read.
    """
    if not items:
        raise StoreError("there is no image to make a pseudo-mask of")
    with ThreadPoolExecutor(8) as threads:
        sizes = threads.map(image_size, [item.image for item in items])
        groups: dict[tuple[int, int], list[Item]] = defaultdict(list)
        for item, size in zip(items, sizes, strict=True):
            groups[size].append(item)
    return [
        group[start : start + batch_size]
        for _, group in sorted(groups.items(), reverse=True)
        for start in range(0, len(group), batch_size)
    ]


class _MaskFinder:
    """Finds true masks: those of a source, and files beside the labelled ones'."""

    def __init__(self, labeled: Dataset) -> None:
        self.parts = [
            leaf
            for leaf in leaves(labeled)
            if isinstance(leaf, BaseSegDataset)
            and leaf.data_prefix.get("img_path")
            and leaf.data_prefix.get("seg_map_path")
        ]

    def find(self, path: str, info: Mapping[str, Any]) -> tuple[str | None, dict]:
        if info.get("seg_map_path"):
            return str(info["seg_map_path"]), _loads(info)
        for part in self.parts:
            below = os.path.relpath(path, part.data_prefix["img_path"])
            if below.startswith(os.pardir):
                continue
            for mask in self._candidates(part, below):
                if os.path.isfile(mask):
                    common = {
                        "label_map": part.label_map,
                        "reduce_zero_label": part.reduce_zero_label,
                    }
                    return mask, common
        return None, {}

    def _candidates(self, part: BaseSegDataset, below: str) -> Iterable[str]:
        folder = part.data_prefix["seg_map_path"]
        own = [part.img_suffix] if part.img_suffix else list(IMAGE_SUFFIXES)
        for suffix in own:
            if below.endswith(suffix):
                stem = below[: -len(suffix)]
                ends = [part.seg_map_suffix] if part.seg_map_suffix else MASK_SUFFIXES
                yield from (os.path.join(folder, stem + end) for end in ends)


def _loads(info: Mapping[str, Any]) -> dict[str, Any]:
    return {key: info.get(key) for key in ("label_map", "reduce_zero_label")}


def _without_pipeline(source: Any) -> Any:
    if not isinstance(source, Mapping):
        return source
    bare = dict(source)
    if "pipeline" in bare:
        bare["pipeline"] = []
    if isinstance(bare.get("dataset"), Mapping):
        bare["dataset"] = _without_pipeline(bare["dataset"])
    if "datasets" in bare:
        bare["datasets"] = [_without_pipeline(part) for part in bare["datasets"]]
    return bare
