"""Shortens a training: its schedule, validations and checkpoints with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg_semisup.core.errors import ConfigError

from .record import Record

ITERATIONS = "iterations"
"""Part of a block: its share of the iterations, or epochs, of the plain config."""
SPANS = ("begin", "end", "T_max", "total_iters", "step_size", "milestones")
"""Arguments of schedules that count iterations or epochs."""


def shorten(cfg: dict[str, Any], block: Mapping[str, Any], record: Record) -> None:
    """Give a training the share of the plain config's length that a method states.

    Args:
        cfg: A config with a model and the plain config's schedule; changed in place.
        block: The method; without ``iterations``, nothing changes.
        record: Takes notes.

    Raises:
        ConfigError: If the share is not above 0 and at most 1.
    """
    share = block.get(ITERATIONS)
    if share is None:
        return
    if not 0 < share <= 1:
        raise ConfigError(f"method.iterations={share!r}; allowed: above 0, at most 1")
    if share == 1:
        return
    before, loop = cfg["train_cfg"], dict(cfg["train_cfg"])
    for key in ("max_iters", "max_epochs", "val_interval", "val_begin"):
        if isinstance(loop.get(key), int):
            loop[key] = max(1, round(loop[key] * share))
    cfg["train_cfg"] = loop
    if cfg.get("param_scheduler"):
        cfg["param_scheduler"] = scaled_schedule(cfg["param_scheduler"], share)
    checkpoint = (cfg.get("default_hooks") or {}).get("checkpoint")
    if checkpoint and checkpoint.get("interval", -1) > 0:
        interval = max(1, round(checkpoint["interval"] * share))
        own = {"checkpoint": {**checkpoint, "interval": interval}}
        cfg["default_hooks"] = {**cfg["default_hooks"], **own}
    for key in ("max_iters", "max_epochs"):
        if key in loop:
            unit = key.removeprefix("max_").replace("iters", "iterations")
            record.note(f"{loop[key]} of the config's {before[key]} {unit}")


def scaled_schedule(schedule: Any, share: float) -> Any:
    """A schedule, a list of them, or a dict of lists, of another length.

    Args:
        schedule: As ``param_scheduler``; it stays as it is.
        share: Its new length as a multiple of that before.

    >>> scaled_schedule([dict(type="PolyLR", power=0.9, end=100)], 0.25)
    [{'type': 'PolyLR', 'power': 0.9, 'end': 25}]
    """
    if isinstance(schedule, (list, tuple)):
        return [scaled_schedule(part, share) for part in schedule]
    if not isinstance(schedule, Mapping):
        return schedule
    if "type" not in schedule:
        return {key: scaled_schedule(part, share) for key, part in schedule.items()}
    return {
        key: _scaled(value, share) if key in SPANS else value
        for key, value in schedule.items()
    }


def _scaled(value: Any, share: float) -> Any:
    if isinstance(value, (list, tuple)):
        return [_scaled(number, share) for number in value]
    return round(value * share) if isinstance(value, int) else value
