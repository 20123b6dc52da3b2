"""Checks that masks, padding, heads and metrics agree on the ignored label.

The data set owns the label (``ignore_index``). In MMSegmentation, heads, losses,
metrics and the transforms that pad masks have a value of their own; all of them default
to 255, and none reads that of the data set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmcv.transforms import Pad
from mmengine.dataset import BaseDataset
from mmseg.datasets import transforms as mmseg_transforms
from mmseg.datasets.transforms import RandomCrop
from torch import nn

from mmseg_semisup.datasets.semi_dataset import SemiDataset
from mmseg_semisup.datasets.sources import SourceDataset, leaves
from mmseg_semisup.datasets.transform_kinds import loads_mask, walk

FIXED = 255
"""The label that mmseg writes into a mask in place of one that it removes."""
NAMES = ("ignore_index", "ignore_label")
VOLUMES = tuple(
    cls for cls in [getattr(mmseg_transforms, "BioMedical3DPad", None)] if cls
)
"""Transforms that pad with a class on purpose."""


class Stated(NamedTuple):
    """A value, and the place where it is stated.

    Attributes:
        where: Its path, e.g. ``model.segmentor.decode_head.ignore_index``.
        value: The label.
    """

    where: str
    value: float


def training_contradictions(dataset: SourceDataset, model: nn.Module) -> list[str]:
    """Contradictions between a training set and its model.

    Args:
        dataset: The training set.
        model: The model that learns from it, not wrapped.

    Returns:
        A sentence for each data set whose value another part contradicts.
    """
    sources = dataset.sources if isinstance(dataset, SemiDataset) else {"": dataset}
    readers = [*_of_model(model)]
    found = []
    for name, source in sources.items():
        where = f"source {name!r}" if name else "the training set"
        found += _contradictions(source, where, readers)
    return found


def evaluation_contradictions(
    dataset: SourceDataset, metrics: Iterable[Any], where: str
) -> list[str]:
    """Contradictions between an evaluated data set and its metrics.

    Args:
        dataset: The data set.
        metrics: All metrics of its evaluators.
        where: Key of the data, e.g. ``val_dataloader``.

    Returns:
        As :func:`training_contradictions`.
    """
    readers = [
        Stated(f"{type(metric).__name__}.ignore_index", metric.ignore_index)
        for metric in metrics
        if isinstance(getattr(metric, "ignore_index", None), int)
    ]
    return _contradictions(dataset, where, readers)


def _contradictions(
    dataset: SourceDataset, where: str, readers: Sequence[Stated]
) -> list[str]:
    found = []
    for leaf in leaves(dataset):
        value = getattr(leaf, "ignore_index", None)
        if not isinstance(value, int) or not _has_masks(leaf):
            continue
        wrong = [
            f"{stated.where}={stated.value}"
            for stated in (*_of_masks(leaf), *readers)
            if stated.value != value
        ]
        if wrong:
            found.append(
                f"{where} ({type(leaf).__name__}) has ignore_index={value}, but "
                f"{', '.join(dict.fromkeys(wrong))}; the same pixels must not count "
                "everywhere: make them equal"
            )
    return list(dict.fromkeys(found))


def _has_masks(leaf: BaseDataset) -> bool:
    pipeline = getattr(leaf, "pipeline", None)
    return any(map(loads_mask, walk(pipeline)))


def _of_masks(leaf: BaseDataset) -> Iterator[Stated]:
    """Values that are written into a data set's masks, or taken from them."""
    if getattr(leaf, "reduce_zero_label", False):
        yield Stated("reduce_zero_label writes", FIXED)
    label_map = getattr(leaf, "label_map", None)
    if isinstance(label_map, Mapping) and FIXED in label_map.values():
        yield Stated("its label_map, for classes that are left out, writes", FIXED)
    for step in walk(leaf.pipeline):
        name = type(step).__name__
        if isinstance(step, VOLUMES):
            continue
        if isinstance(step, Pad):
            if step.padding_mode == "constant":
                yield Stated(f"{name}.pad_val.seg", step.pad_val.get("seg", FIXED))
            continue
        if isinstance(step, RandomCrop) and step.cat_max_ratio >= 1:
            continue
        for key in ("seg_pad_val", "ignore_index"):
            value = getattr(step, key, None)
            if isinstance(value, (int, float)):
                yield Stated(f"{name}.{key}", value)


def _of_model(model: nn.Module) -> Iterator[Stated]:
    """Values of the heads, losses and padding of a model's learning networks."""
    for path, module in model.named_modules():
        part = path.split(".")
        if not {"decode_head", "auxiliary_head"} & set(part) or "objectives" in part:
            continue
        if not any(p.requires_grad for p in _head_of(model, part).parameters()):
            continue
        for key in NAMES:
            value = getattr(module, key, None)
            if isinstance(value, int):
                yield Stated(f"model.{path}.{key}", value)
    preprocessor = getattr(model, "data_preprocessor", None)
    value = getattr(preprocessor, "seg_pad_val", None)
    if value is not None:
        yield Stated("data_preprocessor.seg_pad_val", value)


def _head_of(model: nn.Module, path: Sequence[str]) -> nn.Module:
    """The decode or auxiliary head that contains a module."""
    end = next(i for i, p in enumerate(path) if p in ("decode_head", "auxiliary_head"))
    return model.get_submodule(".".join(path[: end + 1]))
