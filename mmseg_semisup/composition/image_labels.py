"""Composes the images that have image labels, and the data of a classifier."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmseg.registry import DATASETS

from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import WeakLabelDataset
from mmseg_semisup.datasets.transform_kinds import loads_file, loads_mask

from .pipelines import Transform, divide, make_views


def weak_dataset(weak: Any, classes: Sequence[str]) -> dict[str, Any]:
    """The dataset of images with image labels, without its pipeline.

    Args:
        weak: A file of labels, whose ids are paths below its folder, or below a second
            path, a folder; or a dict, arguments of ``WeakLabelDataset`` or the config
            of another dataset with masks.
        classes: Names of the classes.

    Raises:
        ConfigError: If it is something else.
    """
    if isinstance(weak, Mapping):
        stated = copy.deepcopy(dict(weak))
    else:
        listed = isinstance(weak, (list, tuple))
        paths: list[Any] = list(weak) if listed else [weak]
        if len(paths) not in (1, 2) or not all(isinstance(p, str) for p in paths):
            raise ConfigError(
                f"weak={weak!r}; allowed: a file of image labels, that and the folder "
                "of its images, or dict(ann_file=..., data_prefix=...)"
            )
        folder = paths[1] if len(paths) == 2 else os.path.dirname(paths[0]) or "."
        stated = {"ann_file": paths[0], "data_prefix": {"img_path": folder}}
    own = {"type": WeakLabelDataset.__name__, **stated}
    if is_type(own, DATASETS, WeakLabelDataset):
        # The labelled images show the classes that are missing here.
        own = {"classes": list(classes), "allow_missing": True, **own}
    return own


def with_steps(
    source: Mapping[str, Any], changes: Mapping[str, Any], pipeline: Sequence[Transform]
) -> dict[str, Any]:
    """Give all datasets of a source the views that a block states.

    Args:
        source: Config of the source; it stays as it is.
        changes: The block's ``views``, and ``load``, ``geometry``, ``pack`` and
            ``augment``.
        pipeline: Of labelled images, for a dataset that has none.
    """

    def steps_of(dataset: Mapping[str, Any]) -> list[Transform]:
        steps = dataset.get("pipeline") or pipeline
        weak = is_type(dataset, DATASETS, WeakLabelDataset)
        masks = [] if weak else [step for step in steps if loads_mask(step)]
        rest = dict(changes)
        load = [*masks, *rest.pop("load", ())]
        return make_views(divide(steps), rest.pop("views"), load=load, **rest)

    return _with_pipelines(source, steps_of)


def tested_loader(
    loader: Mapping[str, Any] | None, changes: Mapping[str, Any]
) -> dict[str, Any] | None:
    """A loader of images to validate or test, with the steps of a block.

    Args:
        loader: The config's loader; it stays as it is.
        changes: The block's ``load``, ``geometry`` and ``pack``, which replace all but
            the reading of image and mask.
    """
    if loader is None or not isinstance(loader.get("dataset"), Mapping):
        return None if loader is None else dict(loader)

    def steps_of(dataset: Mapping[str, Any]) -> list[Transform]:
        read = [step for step in dataset["pipeline"] if loads_file(step)]
        steps = [*read, *changes.get("load", ()), *changes.get("geometry", ())]
        return [*steps, changes.get("pack") or dataset["pipeline"][-1]]

    return {**loader, "dataset": _with_pipelines(loader["dataset"], steps_of)}


def _with_pipelines(
    source: Mapping[str, Any],
    steps_of: Callable[[Mapping[str, Any]], list[Transform]],
    after: Sequence[Transform] = (),
) -> dict[str, Any]:
    """Replace the pipeline of each dataset of a source by one made for it.

    A wrapper with a pipeline, such as ``MultiImageMixDataset``, is left out.
    """
    own = [*(source.get("pipeline") or ()), *after]
    if "dataset" in source:
        inner = _with_pipelines(source["dataset"], steps_of, own)
        return inner if "pipeline" in source else {**source, "dataset": inner}
    if "datasets" in source:
        parts = [_with_pipelines(part, steps_of, own) for part in source["datasets"]]
        return {**source, "datasets": parts}
    return {**source, "pipeline": steps_of({**source, "pipeline": own})}
