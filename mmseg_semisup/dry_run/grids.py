"""Checks that the features of two crops lie on one grid."""

from __future__ import annotations

from typing import Any

from torch import nn

from mmseg_semisup.datasets.multi_view import MultiView
from mmseg_semisup.datasets.semi_dataset import SemiDataset
from mmseg_semisup.datasets.sources import leaves
from mmseg_semisup.datasets.transform_kinds import walk
from mmseg_semisup.datasets.two_crops import DrawTwoCrops
from mmseg_semisup.models.objectives import ContextContrastObjective

from .step import Taken


def grid_faults(model: nn.Module, taken: Taken, dataset: Any) -> list[str]:
    """Sentences about crops whose distance is no multiple of the features' stride.

    Features of such crops would be compared with features of other positions. A stride
    that is no whole number has no grid, so that any distance is as good.

    Args:
        model: A model, not wrapped.
        taken: A step that it took.
        dataset: The training set.
    """
    objectives: Any = getattr(model, "objectives", None) or {}
    if taken.step is None or not isinstance(dataset, SemiDataset):
        return []
    found = []
    for name, objective in objectives.items():
        if not isinstance(objective, ContextContrastObjective):
            continue
        first = taken.step[objective.branches[0]]
        rows = objective.project(taken.step.student(first)).size[0]
        stride = first.size[0] / rows
        for step in _aligned(dataset, first.name):
            if stride == int(stride) and step.align % stride:
                found.append(
                    f"objectives.{name} compares features of a stride of {stride:g} "
                    f"pixels, but DrawTwoCrops has align={step.align}: features of the "
                    f"two crops would lie between each other; set align to a multiple "
                    f"of {stride:g}"
                )
    return found


def _aligned(dataset: SemiDataset, view: str) -> list[DrawTwoCrops]:
    """The transforms that align the crops of a view."""
    return [
        step
        for leaf in leaves(dataset.sources[dataset.views[view]])
        for last in leaf.pipeline.transforms[-1:]
        if isinstance(last, MultiView)
        for step in walk(last)
        if isinstance(step, DrawTwoCrops)
    ]
