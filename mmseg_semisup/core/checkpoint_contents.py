"""Checks that what a checkpoint holds has the form that a resumed training needs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

NEEDED = ("state_dict", "optimizer", "message_hub", "meta")
HUB = ("log_scalars", "runtime_info", "resumed_keys")
MOST_STEPS = 10**12
"""More iterations or epochs than any training has."""
WORDS = 624
"""Numbers in the state of a Mersenne twister."""


def find_fault(content: Mapping[str, Any]) -> str | None:
    """What keeps a training from going on from a checkpoint.

    Args:
        content: What the file holds.

    Returns:
        The first fault, as 'it holds ...'; None if there is none.
    """
    missing = [key for key in NEEDED if key not in content]
    if missing:
        return f"it holds no {' and no '.join(missing)}"
    return next(_faults(content), None)


def _faults(content: Mapping[str, Any]) -> Iterator[str]:
    meta = content["meta"]
    for key in ("iter", "epoch"):
        step = meta.get(key) if isinstance(meta, Mapping) else None
        if type(step) is not int:
            yield f"it holds no meta.{key}"
        elif not 0 <= step <= MOST_STEPS:
            yield f"its meta.{key} is {step}; allowed: 0 to {MOST_STEPS}"
    if not is_state(content["state_dict"]):
        yield "its state_dict is no dictionary of tensors"
    if not _is_optimizer(content["optimizer"]):
        yield "its optimizer is no state of an optimizer, or of several by name"
    hub = content["message_hub"]
    if not isinstance(hub, Mapping) or not all(_is_named(hub.get(key)) for key in HUB):
        yield f"its message_hub has no {', '.join(HUB)}"
    elif not all(isinstance(h, HistoryBuffer) for h in hub["log_scalars"].values()):
        yield "its message_hub.log_scalars are no histories"
    schedules = content.get("param_schedulers")
    lists = schedules.values() if isinstance(schedules, Mapping) else [schedules]
    if not all(one is None or _is_list(one, _is_named) for one in lists):
        yield "its param_schedulers are no states of schedules"
    if not _is_list(content.get("random_states") or [], is_random_state):
        yield "its random_states are no states of random generators"
    if not _is_list(content.get("process_buffers") or [], is_state):
        yield "its process_buffers are no buffers of processes"
    seed = content.get("data_seed")
    if seed is not None and type(seed) is not int:
        yield f"its data_seed is {seed!r:.40}, no number"


def _is_named(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_list(value: Any, check: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(check(entry) for entry in value)


def is_state(value: Any) -> bool:
    """Whether a value is a ``state_dict``: name to tensor.

    Args:
        value: Anything.
    """
    return _is_named(value) and all(
        isinstance(entry, Tensor) or key.rpartition(".")[2] == "_extra_state"
        for key, entry in value.items()
    )


def _is_optimizer(value: Any) -> bool:
    if not _is_named(value):
        return False
    if "param_groups" not in value:
        inner = {k: v for k, v in value.items() if k != "loss_scaler"}
        return bool(inner) and all(_is_optimizer(entry) for entry in inner.values())
    state, groups = value.get("state"), value["param_groups"]
    if not isinstance(state, Mapping) or not all(map(_is_named, state.values())):
        return False
    return _is_list(groups, lambda group: _is_named(group) and _has_numbers(group))


def _has_numbers(group: Mapping[str, Any]) -> bool:
    return _is_list(group.get("params"), lambda number: type(number) is int)


def is_random_state(value: Any) -> bool:
    """Whether generators accept a state; numpy's would read beyond its numbers.

    Args:
        value: Anything; a state is what ``engine.random_state`` returns.
    """
    if not _is_named(value) or "cpu" not in value:
        return False
    try:
        torch.Generator().set_state(value["cpu"].cpu())
        if "cuda" in value and value["cuda"].dtype is not torch.uint8:
            return False
        if "python" in value:
            random.Random().setstate(value["python"])  # noqa: S311
            kind, words, position, has_gauss, cached = value["numpy"]
            if not 0 <= position <= WORDS or len(words) != WORDS:
                return False
            state = (kind, words, position, has_gauss, cached)
            np.random.RandomState().set_state(state)
    except Exception:
        # Each generator refuses in its own way.
        return False
    return True
