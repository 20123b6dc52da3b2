"""Builds the datasets of sources from their configs, with readable errors."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from mmengine.dataset import (
    BaseDataset,
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
)
from mmengine.fileio import join_path
from mmseg.datasets import MultiImageMixDataset
from mmseg.registry import DATASETS

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.plain_files import read_plain

from .splits import resolve_splits
from .transform_kinds import loads_mask

SOURCE_PREFIX = "source:"


class SourceDataset(Protocol):
    """Interface of MMEngine's datasets and their wrappers."""

    @property
    def metainfo(self) -> dict[str, Any]:
        """Names and colours of the classes, if the images have masks."""

    def full_init(self) -> None:
        """Load the list of images."""

    def __len__(self) -> int:
        """Number of images."""


def build_sources(
    sources: Mapping[str, dict[str, Any] | SourceDataset],
) -> dict[str, SourceDataset]:
    """Build the datasets of a training set.

    An ``ann_file`` may be a published list (``split:voc12aug/val.txt``); ``exclude``
    may name other sources, whose images are left out (``source:labeled``).

    Args:
        sources: Name of each source to its dataset, or its config; None removes an
            inherited source.

    Returns:
        Name of each source to its dataset, loaded and not empty, in the same order.

    Raises:
        DataError: If a source cannot be built or has no image; the message names it.
    """
    built: dict[str, SourceDataset] = {}
    excluded: dict[str, list[str]] = {}
    for name, source in sources.items():
        if source is None:
            continue
        if isinstance(source, Mapping):
            cfg, excluded[name] = split_exclude(source)
            built[name] = build_source(name, cfg)
        else:
            built[name] = source
            if len(source) == 0:
                raise DataError(f"source {name!r}: the dataset has no image")
    for name, others in excluded.items():
        for other in others:
            if other not in built:
                raise DataError(
                    f"source {name!r}: exclude={SOURCE_PREFIX + other!r}, but the "
                    f"sources are {sorted(built)}"
                )
            leave_out(built[name], built[other], name, other)
    return built


def split_exclude(source: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A source's config without the sources in ``exclude``, and their names."""
    cfg = dict(source)
    exclude = cfg.get("exclude", ())
    exclude = [exclude] if isinstance(exclude, (str, Mapping)) else list(exclude)
    named = [e for e in exclude if str(e).startswith(SOURCE_PREFIX)]
    if named:
        rest = [e for e in exclude if e not in named]
        cfg.pop("exclude")
        if rest:
            cfg["exclude"] = rest
    return cfg, [e.removeprefix(SOURCE_PREFIX) for e in named]


def build_source(name: str, source: Mapping[str, Any]) -> SourceDataset:
    """Build one dataset.

    Args:
        name: Name of the source, for messages.
        source: Its config.

    Raises:
        DataError: If it cannot be built or has no image.
    """
    try:
        cfg = resolve_splits(source)
        _check_lists(cfg)
        dataset = DATASETS.build(cfg)
        if hasattr(dataset, "full_init"):
            dataset.full_init()
    except (AssertionError, OSError, TypeError, ValueError) as error:
        reason = str(error) or f"{type(error).__name__} in {source.get('type')}"
        if "at least one array to concatenate" in reason:
            # What mmengine says when it packs an empty list.
            reason = f"no image in {_folder(cfg)} for {cfg.get('type')}"
        raise DataError(f"source {name!r}: {reason}") from error
    if len(dataset) == 0:
        raise DataError(f"source {name!r}: no image in {_folder(cfg)}")
    return dataset


def evaluate_source(cfg: MutableMapping[str, Any], name: str) -> None:
    """Test on the images of a training source, with the pipeline of the test images.

    Args:
        cfg: A config, whose ``test_dataloader.dataset`` is replaced.
        name: The source.

    Raises:
        DataError: If there is no such source, or it has no masks.
    """
    training = (cfg.get("train_dataloader") or {}).get("dataset") or {}
    sources = {k: v for k, v in (training.get("sources") or {}).items() if v}
    if name not in sources:
        raise DataError(
            f"source {name!r}: train_dataloader has no such source, only "
            f"{sorted(sources)}"
        )
    source, others = split_exclude(sources[name])
    if others:
        raise DataError(
            f"source {name!r}: exclude='{SOURCE_PREFIX}{others[0]}' cannot be tested; "
            "write a list of the images, and name it as ann_file"
        )
    try:
        source = resolve_splits(source)
    except ValueError as error:
        raise DataError(f"source {name!r}: {error}") from error
    _check_lists(source)
    for leaf in config_leaves(source):
        if not any(map(loads_mask, leaf.get("pipeline", ()))):
            raise DataError(f"source {name!r} has no masks to test with")
    tested = config_leaves(cfg["test_dataloader"]["dataset"])[0]
    dataset = with_pipeline(source, tested["pipeline"])
    cfg["test_dataloader"] = {**cfg["test_dataloader"], "dataset": dataset}


def with_pipeline(
    cfg: Mapping[str, Any], pipeline: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Replace the pipeline in the config of a dataset, or of those that it wraps.

    Args:
        cfg: The config; it stays as it is.
        pipeline: The new pipeline of all datasets that read files. A wrapper that has
            one, such as ``MultiImageMixDataset``, is left out.
    """
    changed = dict(cfg)
    if "dataset" in cfg and "pipeline" in cfg:
        return with_pipeline(cfg["dataset"], pipeline)
    if "dataset" in cfg:
        changed["dataset"] = with_pipeline(cfg["dataset"], pipeline)
    elif "datasets" in cfg:
        changed["datasets"] = [with_pipeline(p, pipeline) for p in cfg["datasets"]]
    else:
        changed["pipeline"] = pipeline
    return changed


def config_leaves(cfg: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Configs of the datasets that read files, within their wrappers.

    Args:
        cfg: Config of a dataset.
    """
    if "datasets" in cfg:
        return [leaf for part in cfg["datasets"] for leaf in config_leaves(part)]
    return config_leaves(cfg["dataset"]) if "dataset" in cfg else [cfg]


def config_pipelines(cfg: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The transforms of each dataset that reads files, and those of its wrappers.

    Args:
        cfg: Config of a dataset.
    """
    own = list(cfg.get("pipeline") or ())
    parts = cfg.get("datasets") or ([cfg["dataset"]] if "dataset" in cfg else [])
    inner = [steps for part in parts for steps in config_pipelines(part)]
    return [[*steps, *own] for steps in (inner or [[]])]


def leaves(dataset: SourceDataset) -> list[BaseDataset]:
    """The datasets that read files, within their wrappers."""
    if hasattr(dataset, "datasets"):
        return [leaf for part in dataset.datasets for leaf in leaves(part)]
    if not isinstance(dataset, BaseDataset) and hasattr(dataset, "dataset"):
        return leaves(dataset.dataset)
    return [dataset]


def find_leaf(
    dataset: SourceDataset, index: int
) -> tuple[BaseDataset | MultiImageMixDataset, int]:
    """Find the dataset with the pipeline within its wrappers, and the index in it.

    Raises:
        ValueError: If a dataset is not of mmengine's kind.
    """
    while not isinstance(dataset, (BaseDataset, MultiImageMixDataset)):
        if isinstance(dataset, ConcatDataset):
            part, index = dataset._get_ori_dataset_idx(index)
            dataset = dataset.datasets[part]
        elif isinstance(dataset, (RepeatDataset, ClassBalancedDataset)):
            index = dataset._get_ori_dataset_idx(index)
            dataset = dataset.dataset
        else:
            raise ValueError(
                f"a source cannot be a {type(dataset).__name__}; allowed: a "
                "BaseDataset, or ConcatDataset, RepeatDataset, ClassBalancedDataset "
                "and MultiImageMixDataset of such"
            )
    return dataset, index


def infos(dataset: SourceDataset) -> list[dict[str, Any]]:
    """The data info of every sample of a dataset: ``img_path`` and further paths."""
    return [
        {"ignore_index": getattr(leaf, "ignore_index", 255), **leaf.get_data_info(i)}
        for leaf in leaves(dataset)
        for i in range(len(leaf))
    ]


def leave_out(
    dataset: SourceDataset, other: SourceDataset, name: str, other_name: str
) -> None:
    """Remove the images of another dataset from one.

    Raises:
        DataError: If nothing is left, or the dataset cannot do that.
    """
    if not isinstance(dataset, BaseDataset):
        raise DataError(
            f"source {name!r}: exclude='{SOURCE_PREFIX}{other_name}' works for one "
            f"dataset, not for a {type(dataset).__name__} of several"
        )
    taken = {file_key(info["img_path"]) for info in infos(other)}
    paths = [info["img_path"] for info in infos(dataset)]
    kept = [i for i, path in enumerate(paths) if file_key(path) not in taken]
    if not kept:
        raise DataError(
            f"source {name!r}: no image is left of {len(paths)} without those of "
            f"{other_name!r}"
        )
    if len(kept) < len(paths):
        dataset.get_subset_(kept)


def file_key(path: str) -> str:
    """A key that is equal for all paths to the same file."""
    if "://" in path:
        return path
    folder, name = os.path.split(path)
    key = os.path.join(_real_folder(folder), name)
    return os.path.realpath(key) if os.path.islink(key) else key


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _check_lists(cfg: Mapping[str, Any]) -> None:
    """Raise DataError for a list that is missing or empty."""
    for part in (cfg.get("dataset"), *(cfg.get("datasets") or ())):
        if isinstance(part, Mapping):
            _check_lists(part)
    path = cfg.get("ann_file")
    if not isinstance(path, str) or not path or "://" in path:
        return
    if cfg.get("data_root") and not os.path.isabs(path):
        path = join_path(cfg["data_root"], path)
    if os.path.isdir(path):
        return
    if not os.path.isfile(path):
        raise DataError(f"there is no list of ids {path}")
    try:
        content = read_plain(path)
    except OSError as error:
        raise DataError(f"the list {path} cannot be read: {error.strerror}") from error
    if not content.strip():
        raise DataError(f"the list {path} is empty")


def _folder(cfg: Mapping[str, Any]) -> str:
    """Folder in which the images of a dataset are searched."""
    path = (cfg.get("data_prefix") or {}).get("img_path") or ""
    return os.path.join(cfg.get("data_root") or "", path) or "its folder"
