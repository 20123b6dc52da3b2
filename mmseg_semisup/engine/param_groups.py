"""Gives an optimizer few groups of parameters, and old checkpoints the same groups.

MMEngine makes one group of each parameter, and torch runs its operations once a group:
hundreds of small ones a step. Parameters with equal settings share a group here. The
groups of a checkpoint that was written before are merged while it is loaded.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

FUSED = (SGD, Adam, AdamW)
"""Optimizers whose step of a whole group is one operation, on CUDA and on a CPU."""
WAYS = ("foreach", "fused", "differentiable", "capturable")
"""Settings that choose how a step is computed, not what."""
VECTOR = 64
"""Bytes of the longest vector of a processor."""
MOMENTUM = "momentum_buffer"
VALUES = ("base_values", "_last_value")
"""What a schedule of MMEngine holds for each group."""


class Grouping(NamedTuple):
    """Where the groups and parameters of a constructor went.

    Attributes:
        first: For each group, the number of the former group of its first parameter.
        sizes: For each group, the number of its parameters.
        position: For each parameter in the former order, its position today.
        former: Number of former groups.
    """

    first: list[int]
    sizes: list[int]
    position: list[int]
    former: int


def fused_settings(kind: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an optimizer with torch's fused step, where it exists.

    Args:
        kind: Class of the optimizer.
        settings: Its arguments; those that choose a way of computing are kept.

    Returns:
        The settings, with ``fused=True`` if nothing stands against it.
    """
    settings = dict(settings)
    # A damped first step differs from the later ones, see prepare_fused.
    stated = any(settings.get(way) is not None for way in WAYS)
    if kind in FUSED and not stated and not settings.get("dampening"):
        settings["fused"] = True
    return settings


def merge_groups(optimizer: Optimizer) -> Grouping:
    """Merge groups with equal settings, in the order of their first parameters.

    Args:
        optimizer: An optimizer that has not stepped; changed in place.
    """
    former = optimizer.param_groups
    first: list[int] = []
    merged: list[dict[str, Any]] = []
    for i, group in enumerate(former):
        for parameter in group["params"]:
            settings = _settings(optimizer, group, parameter)
            found = (one for one in merged if _same(one, settings))
            members = next(found, None)
            if members is None:
                members = {**settings, "params": []}
                merged.append(members)
                first.append(i)
            members["params"].append(parameter)
    today = [id(p) for group in merged for p in group["params"]]
    place = {identity: n for n, identity in enumerate(today)}
    position = [place[id(p)] for group in former for p in group["params"]]
    optimizer.param_groups = merged
    if not all(group.get("fused") for group in merged):
        # The loss scaler lets a fused step skip itself; other groups refuse that.
        vars(optimizer).pop("_step_supports_amp_scaling", None)
    sizes = [len(group["params"]) for group in merged]
    return Grouping(first, sizes, position, len(former))


def _settings(
    optimizer: Optimizer, group: dict[str, Any], parameter: Tensor
) -> dict[str, Any]:
    """Settings of a parameter, without the fused step where it is less exact."""
    # On a CPU, torch's fused SGD rounds once less in what is left behind the last whole
    # vector. Without it there, training is bit for bit that of a step without fusion.
    whole = parameter.numel() * parameter.element_size() % VECTOR == 0
    exact = whole or not isinstance(optimizer, SGD)
    device = parameter.device.type
    if device == "cuda" or (device == "cpu" and exact) or not group.get("fused"):
        return group
    return {**group, "fused": False}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one.keys() != other.keys():
        return False
    return all(one[key] == other[key] for key in one if key != "params")


def regrouped(
    state: Mapping[str, Any], grouping: Grouping, optimizer: Optimizer
) -> dict[str, Any]:
    """State of an optimizer, with the groups of today and their way of computing.

    Args:
        state: The ``state_dict`` of an optimizer with merged groups, or with those of
            its constructor.
        grouping: What :func:`merge_groups` returned.
        optimizer: The optimizer that will load the state.

    Raises:
        ValueError: If parameters that share a group today had different settings, or
            the state is of other parameters.
    """
    groups, states = state["param_groups"], state["state"]
    if [len(group["params"]) for group in groups] != grouping.sizes:
        groups, states = _merged(groups, states, grouping)
    groups = [
        {**group, **{k: v for k, v in today.items() if k in WAYS}}
        for group, today in zip(groups, optimizer.param_groups, strict=True)
    ]
    return {**state, "param_groups": groups, "state": states}


def _merged(
    groups: Sequence[Mapping[str, Any]], states: Mapping[int, Any], grouping: Grouping
) -> tuple[list[dict[str, Any]], dict[int, Any]]:
    """Groups and states of a checkpoint whose groups were those of the constructor."""
    numbers = [number for group in groups for number in group["params"]]
    if len(groups) != grouping.former or len(numbers) != len(grouping.position):
        raise ValueError(
            f"{len(numbers)} parameters in {len(groups)} groups instead of "
            f"{len(grouping.position)} in {len(grouping.sizes)}, or in the "
            f"{grouping.former} of the constructor"
        )
    place = dict(zip(numbers, grouping.position, strict=True))
    group_at = [n for n, size in enumerate(grouping.sizes) for _ in range(size)]
    for i, group in enumerate(groups):
        for number in {group_at[place[one]] for one in group["params"]}:
            other = groups[grouping.first[number]]
            different = [k for k in group if group[k] != other.get(k) and k != "params"]
            if different:
                raise ValueError(
                    f"another {', '.join(different)} in group {i} than in group "
                    f"{grouping.first[number]}, where this config has the same in both"
                )
    ends = list(itertools.accumulate(grouping.sizes))
    merged = [
        {**groups[first], "params": list(range(end - size, end))}
        for first, size, end in zip(grouping.first, grouping.sizes, ends, strict=True)
    ]
    return merged, {place[number]: value for number, value in states.items()}


def regrouped_schedule(state: Mapping[str, Any], grouping: Grouping) -> dict[str, Any]:
    """State of a schedule with one value a group of today.

    Args:
        state: The ``state_dict`` of a schedule of MMEngine.
        grouping: What :func:`merge_groups` returned.
    """

    def merged(values: list[float]) -> list[float]:
        former, rest = values[: grouping.former], values[grouping.former :]
        return [former[first] for first in grouping.first] + rest

    # MMEngine has the optimizer's plain rate behind those of several groups.
    plain = grouping.former > 1
    today = len(grouping.sizes) + plain
    return {
        key: merged(value) if key in VALUES and len(value) != today else value
        for key, value in state.items()
    }


def prepare_fused(optimizer: Optimizer, *_: Any) -> None:
    """Meet what torch's fused steps take for granted, and do not check.

    They read parameters, gradients and states in the order of memory, so all must have
    the same strides. That of SGD takes momentum of all parameters of a group or of
    none, while some get their first gradient later than others; from zero, the first
    step is the same.

    Args:
        optimizer: An optimizer before its step; gradients and state are changed in
            place.
    """
    for group in optimizer.param_groups:
        if not group.get("fused"):
            continue
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state, strides = optimizer.state[parameter], parameter.stride()
            if group.get("momentum") and state.get(MOMENTUM) is None:
                state[MOMENTUM] = torch.zeros_like(parameter)
            if parameter.grad.stride() != strides:
                parameter.grad = _as_laid_out(parameter, parameter.grad)
            for key, value in state.items():
                alike = isinstance(value, Tensor) and value.shape == parameter.shape
                if alike and value.stride() != strides:
                    state[key] = _as_laid_out(parameter, value)


def _as_laid_out(parameter: Tensor, value: Tensor) -> Tensor:
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def group_names(optimizer: Optimizer, names: Mapping[int, str]) -> list[str]:
    """A name for each group: the modules of its parameters.

    Args:
        optimizer: The optimizer.
        names: Identity of a parameter to its name.

    Returns:
        Names such as 'backbone' or 'decode_head+neck'; further groups of the same
        modules have numbers, 'backbone 2'.
    """
    found: list[str] = []
    for group in optimizer.param_groups:
        parts = [names.get(id(p), "").split(".") for p in group["params"]]
        modules = {p[1] if p[0] == "segmentor" and p[1:] else p[0] for p in parts}
        name = "+".join(sorted(modules))
        again = sum(other.partition(" ")[0] == name for other in found)
        found.append(f"{name} {again + 1}" if again else name)
    return found
