"""Checks the numbers in a config that must fit the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmseg.datasets.transforms import RandomCrop
from mmseg.registry import METRICS, MODELS, TRANSFORMS

from mmseg_semisup.core.config_types import argument, is_type
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.pseudo_masks import PseudoMaskDataset
from mmseg_semisup.datasets.sources import config_leaves, leaves
from mmseg_semisup.datasets.transform_kinds import loads_mask

from .parts import Part
from .problem import Problem

EVALUATORS = {"validation": "val_evaluator", "test": "test_evaluator"}


def check_config(cfg: Mapping[str, Any], parts: Sequence[Part]) -> list[Problem]:
    """Numbers in the config that do not fit the data."""
    found = []
    loader = cfg.get("train_dataloader") or {}
    ratio = (loader.get("sampler") or {}).get("ratio")
    if ratio and loader.get("batch_size", 0) % sum(ratio.values()):
        found.append(
            f"train_dataloader.batch_size={loader['batch_size']} is no multiple of "
            f"{sum(ratio.values())}, the sum of sampler.ratio={dict(ratio)}"
        )
    named = {
        tuple(part.dataset.metainfo["classes"]): part.name
        for part in parts
        if part.has_masks and part.dataset.metainfo.get("classes")
    }
    if len(named) > 1:
        found.append(f"classes differ between {' and '.join(named.values())}")
    for where, head in _heads(cfg.get("model") or {}):
        number = head.get("num_classes")
        for classes, name in named.items():
            if isinstance(number, int) and number != len(classes):
                found.append(
                    f"{where}.num_classes={number}, but {name} has {len(classes)} "
                    f"classes: {shorten(classes, 8)}"
                )
    found += _ignored_labels(cfg, parts)
    found += _zero_labels(parts)
    found += ratios_without_masks(cfg)
    return [Problem("config", text) for text in found]


def ratios_without_masks(cfg: Mapping[str, Any]) -> list[str]:
    """Sentences about sources whose crops ask for masks that nothing loads.

    Args:
        cfg: The config of a training.
    """
    training = (cfg.get("train_dataloader") or {}).get("dataset") or {}
    found = []
    for name, source in (training.get("sources") or {}).items():
        for leaf in config_leaves(source) if source else ():
            steps = list(_steps(leaf.get("pipeline") or ()))
            crops = [s for s in steps if is_type(s, TRANSFORMS, RandomCrop)]
            ratios = [crop.get("cat_max_ratio", 1.0) for crop in crops]
            if min(ratios, default=1.0) < 1 and not any(map(loads_mask, steps)):
                found.append(
                    f"source {name!r}: RandomCrop has cat_max_ratio={min(ratios)}, "
                    "which counts the classes of a mask, but its images have none; "
                    "leave cat_max_ratio out there"
                )
    return list(dict.fromkeys(found))


def _steps(node: Any) -> Iterator[Mapping[str, Any]]:
    """All configs of transforms in a pipeline, including nested ones."""
    if isinstance(node, Mapping):
        if "type" in node:
            yield node
        for value in node.values():
            yield from _steps(value)
    elif isinstance(node, (list, tuple)):
        for item in node:
            yield from _steps(item)


def _ignored_labels(cfg: Mapping[str, Any], parts: Sequence[Part]) -> Iterator[str]:
    """Heads and metrics that ignore another label than their data set."""
    heads = {
        where: argument(head, MODELS, "ignore_index")
        for where, head in _heads(cfg.get("model") or {})
    }
    for part in parts:
        readers = heads
        if not part.trains:
            key = EVALUATORS[part.name]
            metrics = cfg.get(key) or []
            single = isinstance(metrics, Mapping)
            readers = {
                key if single else f"{key}.{i}": argument(m, METRICS, "ignore_index")
                for i, m in enumerate([metrics] if single else metrics)
            }
        for leaf in leaves(part.dataset) if part.has_masks else ():
            own = getattr(leaf, "ignore_index", None)
            for where, value in readers.items():
                if isinstance(own, int) and isinstance(value, int) and own != value:
                    yield (
                        f"{where}.ignore_index={value}, but {part.name} has "
                        f"ignore_index={own}"
                    )


def _zero_labels(parts: Sequence[Part]) -> Iterator[str]:
    """Sources whose masks count classes from 1 beside others that count from 0."""
    known: dict[bool, str] = {}
    for part in parts:
        for leaf in leaves(part.dataset) if part.has_masks else ():
            # Those of classes by colour or name, and pseudo-masks, have no such number.
            plain = getattr(leaf, "mask_files", None) is None
            if plain and not isinstance(leaf, PseudoMaskDataset):
                known.setdefault(
                    bool(getattr(leaf, "reduce_zero_label", False)), part.name
                )
    if len(known) > 1:
        yield (
            f"reduce_zero_label=True in {known[True]}, but False in {known[False]}: "
            "one number in a mask would be two classes"
        )


def _heads(
    model: Mapping[str, Any], where: str = "model"
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(model.get("segmentor"), Mapping):
        yield from _heads(model["segmentor"], f"{where}.segmentor")
    for key in ("decode_head", "auxiliary_head"):
        heads = model.get(key) or []
        single = isinstance(heads, Mapping)
        for i, head in enumerate([heads] if single else heads):
            yield f"{where}.{key}" if single else f"{where}.{key}.{i}", head
