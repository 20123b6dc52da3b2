"""Numbers in a config that must fit the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmseg_semisup.core.text import shorten

from .parts import Part
from .problem import Problem


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
    for where, number in _numbers_of_classes(cfg.get("model") or {}):
        for classes, name in named.items():
            if number != len(classes):
                found.append(
                    f"{where}.num_classes={number}, but {name} has {len(classes)} "
                    f"classes: {shorten(classes, 8)}"
                )
    return [Problem("config", text) for text in found]


def _numbers_of_classes(
    model: Mapping[str, Any], where: str = "model"
) -> Iterator[tuple[str, int]]:
    if isinstance(model.get("segmentor"), Mapping):
        yield from _numbers_of_classes(model["segmentor"], f"{where}.segmentor")
    for key in ("decode_head", "auxiliary_head"):
        heads = model.get(key) or []
        single = isinstance(heads, Mapping)
        for i, head in enumerate([heads] if single else heads):
            if isinstance(head.get("num_classes"), int):
                place = f"{where}.{key}" if single else f"{where}.{key}.{i}"
                yield place, head["num_classes"]
