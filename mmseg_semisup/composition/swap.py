"""Gives a plain config another encoder, and the head that reads it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mmcv.transforms import Pad
from mmseg.datasets.transforms import RandomCrop
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import CascadeEncoderDecoder, EncoderDecoder
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_semisup.core.config_types import argument, is_type, type_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.nearest_multiple import nearest_multiple
from mmseg_semisup.models.data_preprocessor import KEY as PREPROCESSOR
from mmseg_semisup.models.data_preprocessor import PADDING
from mmseg_semisup.models.segmentors.plain import check_segmentor_types

from .encoders import Encoder, Rates, Stated, resolve_encoder
from .facts import own_segmentor
from .imports import with_package
from .record import Record

REPLACED = ("backbone", "neck", "decode_head", "auxiliary_head")
OF_THE_OTHER = ("pretrained", "init_cfg")
"""Keys of a segmentor that name weights of the replaced network."""
OF_CLASSES = ("num_classes", "out_channels", "threshold", "ignore_index", "sampler")
"""Arguments that a head has in common with the one that it replaces."""


def swap_encoder(
    plain: Mapping[str, Any], encoder: Stated, record: Record
) -> dict[str, Any]:
    """Replace the encoder and the head of a plain config.

    Classes, losses, data and schedules stay. Crops, windows and tested images get whole
    patches.

    Args:
        plain: Content of the config; it stays as it is.
        encoder: See :func:`~.encoders.resolve_encoder`.
        record: Takes notes of what is replaced.

    Raises:
        ConfigError: If there is no such encoder, or the config cannot have it.
    """
    found = resolve_encoder(encoder)
    if plain.get("model") is None:
        raise ConfigError("encoder: it needs a config with a model")
    cfg = copy.deepcopy(dict(plain))
    cfg["model"] = _model(plain, found, record)
    cfg.pop(PREPROCESSOR, None)
    if found.patch is not None:
        _use_patches(cfg, found.patch, record)
    wrapper = cfg.get("optim_wrapper")
    if wrapper is not None:
        cfg["optim_wrapper"] = _optimizer(wrapper, found.rates, record)
    if found.rates is not None and cfg.get("param_scheduler") is not None:
        cfg["param_scheduler"] = _ending_at_zero(cfg["param_scheduler"])
    if cfg.get("load_from") is not None:
        record.note("load_from is left out: it is another network")
        cfg["load_from"] = None
    cfg["custom_imports"] = with_package(cfg.get("custom_imports"))
    cfg.setdefault("default_scope", "mmseg")
    return cfg


def _model(plain: Mapping[str, Any], found: Encoder, record: Record) -> dict[str, Any]:
    model = own_segmentor(plain)
    old = {key: model.pop(key, None) for key in REPLACED}
    if model.get("type") is None or old["decode_head"] is None:
        raise ConfigError("encoder: it needs a segmentor with a decode_head")
    try:
        check_segmentor_types({"type": model["type"]})
    except ValueError as error:
        raise ConfigError(f"encoder: {error}") from error
    channels = argument(old["backbone"] or {}, MODELS, "in_channels")
    if channels not in (None, 3):
        raise ConfigError(
            f"encoder={found.name!r} takes images of 3 channels, but "
            f"model.backbone.in_channels={channels}"
        )
    for key in OF_THE_OTHER:
        model.pop(key, None)
    if is_type(model, MODELS, CascadeEncoderDecoder):
        model.pop("num_stages", None)
        model["type"] = EncoderDecoder.__name__
    stated = old["decode_head"]
    last = stated[-1] if isinstance(stated, (list, tuple)) else stated
    model.update(copy.deepcopy(found.parts))
    model["decode_head"] |= _of_classes(last, model["decode_head"], record)
    prepared = model.get(PREPROCESSOR) or {"type": "SegDataPreProcessor"}
    prepared.pop("rgb_to_bgr", None)
    model[PREPROCESSOR] = {**prepared, **found.normalisation}
    names = [_shown(old["backbone"]), *_listed(old["neck"]), *_listed(stated)]
    new = ["neck"] if "neck" in found.parts else []
    new = [_shown(model[key]) for key in ("backbone", *new, "decode_head")]
    note = f"encoder {found.name}: {', '.join(new)} in place of {', '.join(names)}"
    if old["auxiliary_head"] is not None:
        note += ", without auxiliary heads"
    record.note(note)
    return model


def _of_classes(
    old: Mapping[str, Any], new: Mapping[str, Any], record: Record
) -> dict[str, Any]:
    """What the new head takes from the old one: the classes and the losses."""
    # K-Net's first prediction is that of another head.
    old = old.get("kernel_generate_head", old)
    kind = type_of(old, MODELS)
    known = inspect.isclass(kind) and issubclass(kind, BaseDecodeHead)
    names = OF_CLASSES if known else ()
    kept = {key: copy.deepcopy(old[key]) for key in names if key in old}
    kept["num_classes"] = argument(old, MODELS, "num_classes")
    if kept["num_classes"] is None:
        raise ConfigError(f"encoder: {_shown(old)} does not say its num_classes")
    if "out_channels" in new:
        # There, it means the channels of the levels.
        kept.pop("threshold", None)
        if kept.pop("out_channels", None) not in (None, kept["num_classes"]):
            raise ConfigError(
                f"encoder: decode_head.out_channels={old['out_channels']} is not what "
                f"{new['type']} can have; leave it out, with a loss of "
                f"{kept['num_classes']} classes"
            )
    loss = argument(old, MODELS, "loss_decode")
    plain = getattr(kind, "loss_by_feat", None)
    of_outputs = plain is not BaseDecodeHead.loss_by_feat and isinstance(loss, list)
    if not known or loss is None or of_outputs:
        record.note(f"cross-entropy in place of the losses of {_shown(old)}'s outputs")
        loss = {"type": "CrossEntropyLoss"}
        kept.pop("sampler", None)
    kept["loss_decode"] = copy.deepcopy(loss)
    return kept


def _use_patches(cfg: dict[str, Any], patch: int, record: Record) -> None:
    """Let crops, windows and tested images be multiples of the patch, in place."""
    crops: dict[tuple[int, int], tuple[int, int]] = {}

    def change(step: dict[str, Any]) -> dict[str, Any]:
        if is_type(step, TRANSFORMS, RandomCrop) and "crop_size" in step:
            size = _whole(step["crop_size"], patch)
            crops[_pair(step["crop_size"])] = size
            return {**step, "crop_size": size}
        if is_type(step, TRANSFORMS, Pad) and step.get("size") is not None:
            return {**step, "size": _whole(step["size"], patch)}
        return step

    loader = cfg.get("train_dataloader")
    if loader is not None:
        cfg["train_dataloader"] = _mapped(loader, change)
    changed = {old: new for old, new in crops.items() if old != new}
    for (height, width), (rows, columns) in changed.items():
        record.note(
            f"crops of {rows}x{columns} pixels in place of {height}x{width}: multiples "
            f"of the patch of {patch}"
        )
    model = cfg["model"]
    prepared = {k: v for k, v in model[PREPROCESSOR].items() if k not in PADDING}
    size = next(iter(crops.values()), None)
    padding = {"size_divisor": patch} if size is None else {"size": size}
    tested = {"test_cfg": {"size_divisor": patch}}
    model[PREPROCESSOR] = {**prepared, **padding, **tested}
    windows = model.get("test_cfg") or {}
    if windows.get("mode") == "slide":
        sides = _whole(windows["crop_size"], patch)
        stride = _pair(windows["stride"])
        stride = (min(stride[0], sides[0]), min(stride[1], sides[1]))
        model["test_cfg"] = {**windows, "crop_size": sides, "stride": stride}
    record.note(f"tested images are padded to multiples of {patch} pixels")


def _optimizer(
    wrapper: Mapping[str, Any], rates: Rates | None, record: Record
) -> dict[str, Any]:
    """The optimizer of the recipe, or that of the config for any backbone."""
    changed = {k: v for k, v in wrapper.items() if k != "constructor"}
    if "constructor" in wrapper:
        # Layer decay, for one, reads the backbone that is gone.
        changed.pop("paramwise_cfg", None)
        record.note(f"optim_wrapper.constructor={wrapper['constructor']!r} is left out")
    if rates is None:
        return changed
    head, encoder = rates
    changed["optimizer"] = {
        "type": "AdamW",
        "lr": head,
        "betas": (0.9, 0.999),
        "weight_decay": 0.01,
    }
    share = {"backbone": {"lr_mult": encoder / head}}
    changed["paramwise_cfg"] = {"custom_keys": share}
    before = (wrapper.get("optimizer") or {}).get("type")
    record.note(
        f"AdamW at {head:g} for the head and {encoder:g} for the encoder in place of "
        f"{before}; its schedules end at 0"
    )
    return changed


def _ending_at_zero(schedules: Any) -> Any:
    """The schedules without a least rate, which the encoder's may be below."""

    def change(schedule: dict[str, Any]) -> dict[str, Any]:
        return {**schedule, "eta_min": 0.0} if "eta_min" in schedule else schedule

    return _mapped(schedules, change)


def _mapped(node: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Change every dict of a part of a config."""
    if isinstance(node, Mapping):
        return change({key: _mapped(value, change) for key, value in node.items()})
    if isinstance(node, (list, tuple)):
        return type(node)(_mapped(value, change) for value in node)
    return node


def _whole(size: Any, patch: int) -> tuple[int, int]:
    height, width = _pair(size)
    return (nearest_multiple(height, patch), nearest_multiple(width, patch))


def _pair(size: Any) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return (height, width)


def _listed(parts: Any) -> list[str]:
    parts = parts if isinstance(parts, (list, tuple)) else [parts]
    return [_shown(part) for part in parts if part is not None]


def _shown(part: Any) -> str:
    """Name of the class of a part."""
    return str((part or {}).get("type")).rpartition(".")[2]
