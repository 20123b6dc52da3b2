"""Builds parts from configs; its errors name the key and the allowed values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mmengine.registry import Registry

from mmseg_semisup.core.config_types import SCOPE_KEY, type_of
from mmseg_semisup.core.mistakes import unknown_type


def check_arguments(
    function: Callable[..., Any], cfg: dict[str, Any], where: str
) -> None:
    """Check that a config names only existing arguments, and all required ones.

    Args:
        function: Class or function that will be called with ``**cfg``.
        cfg: Its arguments.
        where: Name of the part in messages, e.g. ``objectives.adversarial``.

    Raises:
        ValueError: If an argument does not exist or is missing; the message names it.
    """
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    unknown = sorted(set(cfg) - set(parameters))
    if unknown:
        raise ValueError(
            f"{where}: {getattr(function, '__name__', function)} has no argument "
            f"{', '.join(map(repr, unknown))}; allowed: {sorted(parameters)}"
        )
    missing = sorted(
        name
        for name, p in parameters.items()
        if p.default is p.empty and p.kind is not p.VAR_POSITIONAL and name not in cfg
    )
    if missing:
        raise ValueError(f"{where}: missing {', '.join(map(repr, missing))}")


def build_part(registry: Registry, cfg: dict[str, Any], where: str) -> Any:
    """Build a registered class from its config, checking the arguments first.

    Raises:
        ValueError: If the type or an argument does not exist, with the allowed ones in
            the message, or an argument has a wrong type.
    """
    cls = type_of(cfg, registry)
    if cls is None:
        kind = cfg.get("type") if isinstance(cfg, dict) else None
        raise ValueError(f"{where}: {unknown_type(str(kind), registry.name)}")
    arguments = {k: v for k, v in cfg.items() if k not in ("type", SCOPE_KEY)}
    check_arguments(cls, arguments, where)
    try:
        return registry.build(cfg)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error
