"""Lists the images that get pseudo-masks, names them, and plans their batches."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset

from mmseg_semisup.core.errors import DataError, StoreError
from mmseg_semisup.datasets.folder import FolderDataset
from mmseg_semisup.datasets.image_headers import DEFAULT, Reader, image_size
from mmseg_semisup.datasets.lists import IMAGE_SUFFIXES, MASK_SUFFIXES, image_ids
from mmseg_semisup.datasets.mask_files import FIELD as MASK_FILES
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
        mask: The input of ``LoadAnnotations`` for its true mask, if there is one; it
            only serves to measure the quality.
        info: The data info of the image in mmseg's data set.
        classes: Names of the source's classes.
    """

    id: str
    image: str
    source: str
    mask: Mapping[str, Any] | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[str] = ()


def list_items(
    cfg: Config, sources: Sequence[str]
) -> tuple[list[Item], Mapping[str, Any]]:
    """The images of a training's sources.

    An image of several sources belongs to the first of them.

    Args:
        cfg: Config of a training with ``SemiDataset``, or with a plain data set, which
            is the source ``train``.
        sources: Names of the sources.

    Returns:
        The images; and the ``metainfo`` of the labelled source, or else of the first
        one.

    Raises:
        StoreError: If there is no such source, or none of them holds an image.
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
    built = build_sources(
        {name: _without_pipeline(configs[name]) for name in configs if name in needed}
    )
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for source in sources:
        for info in infos(built[source]):
            found.setdefault(file_key(info["img_path"]), (source, info))
    if not found:
        raise StoreError(f"sources={list(sources)}: none of them holds an image")
    classes = {s: list(built[s].metainfo.get("classes") or ()) for s in sources}
    names = image_ids([str(info["img_path"]) for _, info in found.values()])
    parts = [
        leaf
        for leaf in leaves(built[labeled])
        if isinstance(leaf, BaseSegDataset)
        and leaf.data_prefix.get("img_path")
        and (leaf.data_prefix.get("seg_map_path") or getattr(leaf, "annotated", None))
    ]
    items = [
        Item(
            name,
            str(info["img_path"]),
            source,
            info if info.get("seg_map_path") else _hidden_mask(info["img_path"], parts),
            info,
            classes[source],
        )
        for name, (source, info) in zip(names, found.values(), strict=True)
    ]
    return items, built[labeled].metainfo


def training_sources(cfg: Config) -> dict[str, Any]:
    """The config of each source of a training, by name.

    Raises:
        StoreError: If the config has no training data.
    """
    dataset = (cfg.get("train_dataloader") or {}).get("dataset")
    if not dataset:
        raise StoreError("the config has no train_dataloader.dataset")
    if "sources" in dataset:
        return dict(dataset["sources"])
    return {"train": dataset}


def plan_batches(
    items: Sequence[Item], batch_size: int, reader: Reader = DEFAULT
) -> list[list[Item]]:
    """Plan batches of images of one size.

    The plan depends on the images alone, not on the number of processes or on the
    finished masks, because the last digits of a network's output depend on the batch.

    Args:
        items: The images.
        batch_size: Greatest number of images in a batch.
        reader: How they are loaded.

    Raises:
        StoreError: If there is no image, or one is missing or cannot be read.
    """
    if not items:
        raise StoreError("there is no image to make a pseudo-mask of")

    def size_of(item: Item) -> tuple[int, int]:
        try:
            return image_size(item.image, reader)
        except DataError as error:
            raise StoreError(str(error)) from error

    with ThreadPoolExecutor(8) as threads:
        sizes = threads.map(size_of, items)
        groups: dict[tuple[int, int], list[Item]] = defaultdict(list)
        for item, size in zip(items, sizes, strict=True):
            groups[size].append(item)
    return [
        group[start : start + batch_size]
        for _, group in sorted(groups.items(), reverse=True)
        for start in range(0, len(group), batch_size)
    ]


def _hidden_mask(image: str, parts: Sequence[BaseSegDataset]) -> dict[str, Any] | None:
    """The true mask of an unlabelled image, in the folder of the labelled ones."""
    for part in parts:
        below = os.path.relpath(image, part.data_prefix["img_path"])
        if below.startswith(os.pardir):
            continue
        suffixes = [part.img_suffix] if part.img_suffix else IMAGE_SUFFIXES
        stems = [below[: -len(end)] for end in suffixes if below.endswith(end)]
        ends = [part.seg_map_suffix] if part.seg_map_suffix else MASK_SUFFIXES
        own = getattr(part, MASK_FILES, None)
        names = [stem + end for stem in stems for end in ends]
        if isinstance(part, FolderDataset) and part.seg_map_template:
            names = [part.mask_name(below)]
        if isinstance(part, FolderDataset) and part.annotated:
            mask = part.annotated.mask_of(image)
        else:
            paths = [os.path.join(part.data_prefix["seg_map_path"], n) for n in names]
            mask = next(filter(os.path.isfile, paths), None)
        if mask is not None:
            return {
                MASK_FILES: own,
                "seg_map_path": mask,
                "label_map": part.label_map,
                "reduce_zero_label": part.reduce_zero_label,
                "ignore_index": part.ignore_index,
            }
    return None


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
