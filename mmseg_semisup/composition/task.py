"""Composes a training whose model is not the segmentor, such as a classifier."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .image_labels import tested_loader
from .record import Record

MAIN = "segmentor"
"""Name of the optimizer of a model."""


def replace_task(cfg: dict[str, Any], block: Mapping[str, Any], record: Record) -> None:
    """Replace what a training is tested on, and what it is validated by.

    Args:
        cfg: A config whose model is composed; changed in place.
        block: The method.
        record: Takes notes.
    """
    for kind in ("val", "test"):
        loader = f"{kind}_dataloader"
        if block.get("tested") and loader in cfg:
            cfg[loader] = tested_loader(cfg[loader], block["tested"])
        evaluator = f"{kind}_evaluator"
        if block.get("evaluators") and cfg.get(evaluator) is not None:
            cfg[evaluator] = copy.deepcopy(block["evaluators"])
    if cfg.get("load_from") is not None:
        record.note("load_from is left out where the model is not the segmentor")
        cfg["load_from"] = None
    hooks = cfg.get("default_hooks") or {}
    drawing = hooks.get("visualization")
    if block.get("evaluators") and drawing and drawing.get("draw"):
        cfg["default_hooks"] = {**hooks, "visualization": None}


def with_rate(
    block: Mapping[str, Any], plain: Mapping[str, Any], record: Record
) -> dict[str, Any]:
    """Lower the learning rate of a block's model for a batch smaller than the paper's.

    The rate is proportional to the batch (Goyal et al. 2017,
    https://arxiv.org/abs/1706.02677), up to the stated one.

    Args:
        block: The method; it stays as it is.
        plain: Content of the plain config.
        record: Takes notes.
    """
    changed = copy.deepcopy(dict(block))
    stated = changed.get("labeled_batch")
    batch = plain["train_dataloader"].get("batch_size", 1)
    main = (changed.get("optim_wrapper") or {}).get(MAIN)
    if stated is None or main is None or batch >= stated:
        return changed
    rate = main["optimizer"]["lr"]
    main["optimizer"]["lr"] = rate * batch / stated
    record.note(
        f"learning rate {rate * batch / stated:g} of {changed['model'].get('type')}: "
        f"{rate:g} is for {stated} labelled images in a step, and yours has {batch}"
    )
    return changed
