"""Finds classes that no image label names or no mask shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.dataset import BaseDataset

from mmseg_semisup.datasets.image_labels import FIELD, LoadImageLabels
from mmseg_semisup.datasets.read_image import load
from mmseg_semisup.datasets.sources import SourceDataset, leaves
from mmseg_semisup.datasets.transform_kinds import loads_mask

from .parts import Item, Part
from .problem import Problem

LIMIT = 2000
"""Greatest number of masks that the cheap check reads for a classifier."""
FEW = 200
"""The same for a segmentor, whose masks the full check counts."""

Task = tuple[BaseDataset, int]
"""A dataset that reads files, and the index of a sample."""


def missing_labels(
    parts: Sequence[Part], readable: Mapping[Item, bool], limit: int | None = LIMIT
) -> tuple[list[Problem], list[Problem]]:
    """Classes that no training image with ``LoadImageLabels`` shows.

    Masks are read until every class has been seen.

    Args:
        parts: All sources.
        readable: Whether the headers of a sample's files are valid.
        limit: Greatest number of masks to read, evenly from all; None: all of them.

    Returns:
        Classes that no image shows, and those that only the masks read do not show.
    """
    labellers = [
        (part, step)
        for part in parts
        if part.trains and (step := labeller(part.dataset)) is not None
    ]
    tasks = _tasks([part for part, _ in labellers], readable)
    if not tasks:
        return [], []
    number = labellers[0][1].num_classes
    classes = tasks[0][0].metainfo.get("classes") or ()
    names = dict(enumerate(classes if len(classes) == number else range(number)))
    return _absent(tasks, names, limit)


def missing_in_masks(
    parts: Sequence[Part], readable: Mapping[Item, bool]
) -> list[Problem]:
    """Classes that no mask of a segmentor's training images shows.

    Masks are read until every class has been seen, at most :data:`FEW` of them.

    Args:
        parts: All sources.
        readable: Whether the headers of a sample's files are valid.
    """
    masks = [p for p in parts if p.trains and p.has_masks and not labeller(p.dataset)]
    tasks = _tasks(masks, readable)
    if not tasks:
        return []
    names = dict(enumerate(tasks[0][0].metainfo.get("classes") or ()))
    missing, unseen = _absent(tasks, names, FEW)
    return missing + unseen


def _tasks(parts: Sequence[Part], readable: Mapping[Item, bool]) -> list[Task]:
    """The samples of some sources with valid headers."""
    return [
        task
        for part in parts
        for task, item in zip(_samples(part), part.items, strict=True)
        if readable[item]
    ]


def _absent(
    tasks: Sequence[Task], names: Mapping[int, object], limit: int | None
) -> tuple[list[Problem], list[Problem]]:
    """Classes that no sample shows, and those that only the masks read do not show."""
    shown: set[int] = set()
    masks = []
    for task in tasks:
        present = task[0].get_data_info(task[1]).get("present_classes")
        if present is None:
            masks.append(task)
        else:
            shown.update(present)
    chosen = masks
    if limit is not None and len(masks) > limit:
        chosen = [masks[i * len(masks) // limit] for i in range(limit)]
    for leaf, index in chosen:
        if names.keys() <= shown:
            break
        shown.update(_present(leaf, index))
    absent = [(value, name) for value, name in names.items() if value not in shown]
    if len(chosen) < len(masks):
        return [], [
            Problem(
                "missing-class",
                f"none of {len(chosen)} labelled images shows {name!r} (class "
                f"{value}); the full check looks at all {len(masks)}",
            )
            for value, name in absent
        ]
    return [
        Problem("missing-class", f"no labelled image shows {name!r} (class {value})")
        for value, name in absent
    ], []


def labeller(dataset: SourceDataset) -> LoadImageLabels | None:
    """The transform that makes a dataset's labels, if there is one."""
    for leaf in leaves(dataset):
        for step in leaf.pipeline.transforms:
            if isinstance(step, LoadImageLabels):
                return step
    return None


def _samples(part: Part) -> list[Task]:
    return [(leaf, i) for leaf in leaves(part.dataset) for i in range(len(leaf))]


def _present(leaf: BaseDataset, index: int) -> list[int]:
    """The classes of a sample, without loading its image."""
    results = leaf.get_data_info(index)
    for step in leaf.pipeline.transforms:
        if loads_mask(step) or isinstance(step, LoadImageLabels):
            try:
                results = load(step, results)
            except Exception:  # whatever a decoder raises; the full check names it
                return []
    if FIELD in results:
        return np.flatnonzero(results[FIELD]).tolist()
    return np.unique(results.get("gt_seg_map", ())).tolist()
