"""Builds the sources of a config, and lists their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations

from mmseg_semisup.datasets.image_headers import DEFAULT, Reader
from mmseg_semisup.datasets.load_channels import LoadChannels
from mmseg_semisup.datasets.mask_files import FIELD, MaskSource
from mmseg_semisup.datasets.read_image import reader_of
from mmseg_semisup.datasets.sources import (
    SourceDataset,
    build_source,
    leave_out,
    leaves,
    split_exclude,
)
from mmseg_semisup.datasets.transform_kinds import loads_file, loads_mask

from .problem import Problem


@dataclass(frozen=True)
class Item:
    """A sample of a source.

    Attributes:
        image: Path of the image.
        mask: Path of its mask, if the source's pipeline loads it.
        reader: How the image is decoded; None if another transform than mmcv's
            ordinary one loads it.
        mask_backend: Decoder of the mask; None if another transform loads it.
        masks: What reads the mask, if not the transform.
    """

    image: str
    mask: str | None = None
    reader: Reader | None = DEFAULT
    mask_backend: str | None = "pillow"
    masks: MaskSource | None = None


@dataclass
class Part:
    """A source of training images, or the images of a validation or test.

    Attributes:
        name: Name of the source; 'validation' or 'test'.
        dataset: Its dataset, whose pipeline only loads.
        items: Its samples.
        has_masks: Whether its pipeline loads masks.
        trains: Whether it belongs to the training set.
        pixels: Number of pixels of each mask value, (256,), after the full check.
        images: Number of images with each mask value, (256,), after the full check.
    """

    name: str
    dataset: SourceDataset
    items: list[Item]
    has_masks: bool
    trains: bool
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    images: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))


def build_parts(cfg: Mapping[str, Any], problems: list[Problem]) -> list[Part]:
    """The sources of a config, without those that cannot be built."""
    training = (cfg.get("train_dataloader") or {}).get("dataset") or {}
    sources = training.get("sources") or ({"labeled": training} if training else {})
    configs = {name: (source, True) for name, source in sources.items() if source}
    for name, key in (("validation", "val_dataloader"), ("test", "test_dataloader")):
        dataset = (cfg.get(key) or {}).get("dataset")
        if dataset and all(dataset != other for other, _ in configs.values()):
            configs[name] = (dataset, False)
    parts: dict[str, Part] = {}
    excludes: dict[str, list[str]] = {}
    for name, (source, trains) in configs.items():
        bare, excludes[name] = split_exclude(only_loading(source))
        try:
            dataset = build_source(name, bare)
        except (KeyError, ValueError) as error:
            problems.append(Problem("config", str(error)))
            continue
        parts[name] = Part(name, dataset, [], False, trains)
    for name, part in parts.items():
        for other in excludes[name]:
            try:
                if other in parts:
                    leave_out(part.dataset, parts[other].dataset, name, other)
                elif other not in configs:
                    raise ValueError(f"source {name!r}: there is no source {other!r}")
            except ValueError as error:
                problems.append(Problem("config", str(error)))
        part.items = list_items(part.dataset)
        part.has_masks = any(item.mask is not None for item in part.items)
    return list(parts.values())


def only_loading(source: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset's config with only those transforms that load files."""
    bare = dict(source)
    if "pipeline" in bare:
        bare["pipeline"] = [step for step in bare["pipeline"] if loads_file(step)]
    if isinstance(bare.get("dataset"), Mapping):
        bare["dataset"] = only_loading(bare["dataset"])
    if "datasets" in bare:
        bare["datasets"] = [only_loading(part) for part in bare["datasets"]]
    return bare


def list_items(dataset: SourceDataset) -> list[Item]:
    """The files of all samples."""
    items = []
    for leaf in leaves(dataset):
        loaders = {type(step): step for step in leaf.pipeline.transforms}
        image = loaders.get(LoadImageFromFile) or loaders.get(LoadChannels)
        reader = None if image is None else reader_of(image)
        masks = any(map(loads_mask, loaders))
        backend = getattr(loaders.get(LoadAnnotations), "imdecode_backend", None)
        for index in range(len(leaf)):
            info = leaf.get_data_info(index)
            items.append(
                Item(
                    image=info["img_path"],
                    mask=info.get("seg_map_path") if masks else None,
                    reader=reader,
                    mask_backend=backend,
                    masks=info.get(FIELD),
                )
            )
    return items
