"""Classes that no image label names, which a classifier could never learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.dataset import BaseDataset

from mmseg_semisup.datasets.image_labels import FIELD, LoadImageLabels
from mmseg_semisup.datasets.sources import SourceDataset, leaves
from mmseg_semisup.datasets.transform_kinds import loads_mask

from .parts import Item, Part
from .problem import Problem

LIMIT = 2000
"""Masks that the cheap check reads at most."""


def missing_labels(
    parts: Sequence[Part], readable: Mapping[Item, bool], limit: int | None = LIMIT
) -> tuple[list[Problem], list[Problem]]:
    """Classes that no training image with ``LoadImageLabels`` shows.

    Masks are read until every class has been seen.

    Args:
        parts: All sources.
        readable: Whether the headers of a sample's files were right.
        limit: Masks to read at most, evenly from all; None: all of them.

    Returns:
        Classes that no image shows, and those that only the masks read do not show.
    """
    labellers = [
        (part, step)
        for part in parts
        if part.trains and (step := labeller(part.dataset)) is not None
    ]
    tasks = [
        (leaf, index, item)
        for part, _ in labellers
        for (leaf, index), item in zip(_samples(part), part.items, strict=True)
        if readable[item]
    ]
    if not tasks:
        return [], []
    first = tasks[0][0]
    number = labellers[0][1].num_classes
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
    for leaf, index, _ in chosen:
        if len(shown) >= number:
            break
        shown.update(_present(leaf, index))
    classes = first.metainfo.get("classes") or ()
    names = dict(enumerate(classes if len(classes) == number else range(number)))
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


def _samples(part: Part) -> list[tuple[BaseDataset, int]]:
    return [(leaf, i) for leaf in leaves(part.dataset) for i in range(len(leaf))]


def _present(leaf: BaseDataset, index: int) -> list[int]:
    """The classes of a sample, whose image is not loaded."""
    results = leaf.get_data_info(index)
    for step in leaf.pipeline.transforms:
        if loads_mask(step) or isinstance(step, LoadImageLabels):
            try:
                results = step(results)
            except Exception:  # whatever a decoder raises; the full check names it
                return []
    return np.flatnonzero(results.get(FIELD, ())).tolist()
