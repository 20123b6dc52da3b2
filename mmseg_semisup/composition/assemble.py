"""Assembles a training from a plain config and the block of a method."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from mmseg.registry import LOOPS, MODELS

from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models.data_preprocessor import KEY as PREPROCESSOR
from mmseg_semisup.models.data_preprocessor import PADDING
from mmseg_semisup.models.segmentors.plain import check_segmentor_types
from mmseg_semisup.models.segmentors.semi_segmentor import SemiSegmentor

from .channels import check_channels
from .data import compose_loader, crop_size_of
from .device_views import check_device
from .facts import PlainFacts, own_segmentor
from .imports import with_package
from .length import shorten
from .record import Record
from .strides import aligned_crop
from .task import replace_task, with_rate
from .training import (
    compose_hooks,
    compose_optimizers,
    compose_schedules,
    compose_validation,
    predicting_network,
)

OF_SEGMENTOR = ("teacher", "networks", "objectives", "crop", "test_cfg")
"""Parts of a block that a model in place of the segmentor does not have."""


def compose_block(
    plain: Mapping[str, Any],
    block: Mapping[str, Any],
    unlabeled: Any,
    labeled: Any,
    record: Record,
    weak: Any = None,
) -> dict[str, Any]:
    """Compose one training.

    Args:
        plain: Content of the plain config; it stays as it is.
        block: The method, without stages.
        unlabeled: See :func:`compose`.
        labeled: See :func:`compose`.
        record: Takes notes and origins.
        weak: See :func:`compose`.
    """
    for key in ("model", "train_dataloader", "optim_wrapper", "train_cfg"):
        if plain.get(key) is None:
            raise ConfigError(f"a method needs a config that trains; it has no {key}")
    plain = {**plain, "train_cfg": _with_loop(plain["train_cfg"])}
    block = PlainFacts(plain, block).filled(block)
    check_channels(plain, own_segmentor(plain))
    if block.get("model"):
        block = with_rate(block, plain, record)
    if block.get("crop"):
        crop = aligned_crop(block["crop"], plain["model"], record)
        block = {**block, "crop": crop}
    cfg = copy.deepcopy(dict(plain))
    cfg["model"] = compose_model(plain, block)
    cfg.pop(PREPROCESSOR, None)
    images = (unlabeled, labeled, record, weak)
    cfg["train_dataloader"] = compose_loader(plain, block, *images)
    owner = {**(cfg["model"].get("segmentor") or {}), **cfg["model"]}
    check_device(block, cfg["train_dataloader"], owner.get(PREPROCESSOR))
    if block.get("model"):
        replace_task(cfg, block, record)
    shorten(cfg, block, record)
    cfg["optim_wrapper"] = compose_optimizers(plain["optim_wrapper"], block, record)
    in_epochs = is_type(plain["train_cfg"], LOOPS, EpochBasedTrainLoop)
    length = None if in_epochs else cfg["train_cfg"].get("max_iters")
    epochs = cfg["train_cfg"].get("max_epochs") if in_epochs else None
    if cfg.get("param_scheduler") is not None or block.get("param_scheduler"):
        schedules = (
            cfg.get("param_scheduler") or [],
            block,
            cfg["optim_wrapper"],
            length,
            epochs,
        )
        cfg["param_scheduler"] = compose_schedules(*schedules)
    if "val_cfg" in cfg:
        cfg["val_cfg"] = compose_validation(cfg["val_cfg"], block)
    hooks = (cfg.get("default_hooks"), cfg.get("custom_hooks"), block)
    cfg["default_hooks"], cfg["custom_hooks"] = compose_hooks(
        *hooks, cfg.get("val_evaluator"), record
    )
    for key in ("val_evaluator", "test_evaluator"):
        further = block.get("evaluators") and not block.get("model")
        if further and cfg.get(key) is not None:
            own = cfg[key] if isinstance(cfg[key], list) else [cfg[key]]
            cfg[key] = [*own, *copy.deepcopy(block["evaluators"])]
    _scale_batch(cfg, plain)
    cfg["custom_imports"] = with_package(cfg.get("custom_imports"))
    cfg.setdefault("default_scope", "mmseg")
    return cfg


def _with_loop(train_cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    """``train_cfg`` with a type of loop, for which MMEngine reads ``by_epoch``."""
    if "type" in train_cfg:
        return train_cfg
    rest = {key: value for key, value in train_cfg.items() if key != "by_epoch"}
    loop = EpochBasedTrainLoop if train_cfg.get("by_epoch") else IterBasedTrainLoop
    return {"type": loop.__name__, **rest}


def compose_model(plain: Mapping[str, Any], block: Mapping[str, Any]) -> dict[str, Any]:
    """The model of a block, or the segmentor with the block's objectives.

    The preprocessor that the segmentor uses goes with it.

    Args:
        plain: Content of the plain config; it stays as it is.
        block: The method, with its facts filled in.

    Raises:
        ConfigError: If the model is composed already, or the block has both.
    """
    segmentor = own_segmentor(plain)
    if is_type(segmentor, MODELS, SemiSegmentor):
        raise ConfigError(
            "model is a SemiSegmentor already; a method takes a plain MMSegmentation "
            "config"
        )
    try:
        check_segmentor_types(segmentor)
    except ValueError as error:
        raise ConfigError(f"model: {error}") from error
    if block.get("model"):
        both = [key for key in OF_SEGMENTOR if block.get(key)]
        if both:
            raise ConfigError(
                f"method: a block has a model of its own, or {both[0]} of the segmentor"
            )
        return copy.deepcopy(dict(block["model"]))
    prepared = segmentor.get(PREPROCESSOR)
    if prepared and all(prepared.get(key) is None for key in PADDING):
        # mmseg pads training images to a stated size; crops of small images need one.
        size = crop_size_of(plain["train_dataloader"])
        if size is not None:
            segmentor[PREPROCESSOR] = {**prepared, "size": size}
    model: dict[str, Any] = {"type": SemiSegmentor.__name__, "segmentor": segmentor}
    for key in ("teacher", "networks", "labeled_weight", "average_losses"):
        if block.get(key):
            model[key] = copy.deepcopy(block[key])
    model["objectives"] = copy.deepcopy(dict(block.get("objectives") or {}))
    test_cfg = copy.deepcopy(dict(block.get("test_cfg") or {}))
    if block.get("teacher") is not None:
        test_cfg.setdefault("predict_with", predicting_network(block))
    if test_cfg:
        model["test_cfg"] = test_cfg
    return model


def _scale_batch(cfg: dict[str, Any], plain: Mapping[str, Any]) -> None:
    """Scale the batch that ``auto_scale_lr`` refers to with the size of a batch."""
    scale = cfg.get("auto_scale_lr")
    if scale and scale.get("base_batch_size"):
        before = plain["train_dataloader"].get("batch_size", 1)
        factor = cfg["train_dataloader"]["batch_size"] / before
        scale["base_batch_size"] = round(scale["base_batch_size"] * factor)
