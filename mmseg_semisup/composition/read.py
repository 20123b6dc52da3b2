"""Reads configs, composed if they name a method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.core.config import check_keys, check_options, find_config
from mmseg_semisup.core.config_file import read_file
from mmseg_semisup.core.errors import ConfigError

from .blocks import resolve_method
from .compose import compose_recorded, with_encoder
from .record import Record


def read_config(
    name: str | Path,
    options: Mapping[str, Any] | None = None,
    method: Any = None,
    unlabeled: Any = None,
    labeled: Any = None,
    weak: Any = None,
    encoder: Any = None,
    rare_classes: Any = None,
) -> tuple[Config, Record]:
    """Read a config, apply changes to it, and compose it.

    Another encoder takes its place first. Changes of keys that this plain config has
    are applied before the composition, and those of keys that only the composed config
    has after it.

    Args:
        name: A path or a name, as :func:`find_config` takes it.
        options: Dotted key to new value, as from ``--cfg-options``.
        method: See :func:`~.compose.compose`.
        unlabeled: See :func:`~.compose.compose`.
        labeled: See :func:`~.compose.compose`.
        weak: See :func:`~.compose.compose`.
        encoder: See :func:`~.compose.compose`.
        rare_classes: See :func:`~.compose.compose`.

    Returns:
        The config, checked for misspelt keys, and what the composition decided.

    Raises:
        ConfigError: If the file is missing or broken, a key is misspelt, or the parts
            do not fit.
    """
    path = find_config(name)
    cfg = read_file(path)
    check_keys(cfg, path)
    cfg = with_encoder(cfg, encoder)
    if method is not None:
        cfg.method = method
    before, after = _divide(cfg, options or {})
    _apply(cfg, before)
    images = {"unlabeled": unlabeled, "labeled": labeled, "weak": weak}
    composed, record = compose_recorded(cfg, **images, rare_classes=rare_classes)
    # A new key of a dict that moves, such as model.backbone, is set where that is.
    early = {
        key: after.pop(key)
        for key in list(after)
        if _has_owner(cfg, key) and not _has_owner(composed, key)
    }
    if early:
        _apply(cfg, early)
        composed, record = compose_recorded(cfg, **images, rare_classes=rare_classes)
    _apply(composed, after)
    return composed, record


def _divide(
    cfg: Config, options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Changes of the plain and of the composed config; ``method`` becomes a block."""
    if cfg.get("method") is None:
        return dict(options), {}
    if any(key.startswith("method.") for key in options):
        cfg.method = resolve_method(cfg.method)
    before = {key: value for key, value in options.items() if _has(cfg, key)}
    return before, {k: v for k, v in options.items() if k not in before}


def _has_owner(cfg: Any, option: str) -> bool:
    """Whether a config has the dict or the list in which an option is set."""
    owner = option.rpartition(".")[0]
    return bool(owner) and _has(cfg, owner)


def _has(cfg: Any, option: str) -> bool:
    """Whether a config has what an option sets."""
    first, *parts = option.split(".")
    if first not in cfg:
        return False
    node = cfg[first]
    for part in parts:
        if isinstance(node, Mapping) and part in node:
            node = node[part]
        elif (
            isinstance(node, (list, tuple)) and part.isdigit() and int(part) < len(node)
        ):
            node = node[int(part)]
        else:
            return first == "method"
    return True


def _apply(cfg: Config, options: dict[str, Any]) -> None:
    if not options:
        return
    check_options(cfg, options)
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError) as error:
        raise ConfigError(f"--cfg-options: {error}") from error
