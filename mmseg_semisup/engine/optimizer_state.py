"""Compares the state of optimizers in a checkpoint with those that are to load it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor

from .param_groups import Grouping, regrouped

LIKE_PARAMETERS = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.Adamax,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.RMSprop,
)
"""Optimizers whose state has a number, or a tensor of its size, for each parameter."""


def find_optimizer_fault(
    optim_wrapper: OptimWrapper, state: Mapping[str, Any]
) -> str | None:
    """Where a state does not belong to the optimizers of a training.

    torch would load a state of other parameters, and fail in a later step, or not.

    Args:
        optim_wrapper: Wrapper of one optimizer or several.
        state: The ``optimizer`` of a checkpoint. Names of optimizers are not compared.

    Returns:
        The first fault; None if there is none.
    """
    if not isinstance(optim_wrapper, OptimWrapperDict):
        return _fault(optim_wrapper.optimizer, state)
    groupings: Mapping[str, Grouping] = getattr(optim_wrapper, "groupings", {})
    for name, wrapper in optim_wrapper.items():
        if name not in state:
            continue
        optimizer, part = wrapper.optimizer, state[name]
        try:
            if name in groupings:
                part = regrouped(part, groupings[name], optimizer)
            fault = _fault(optimizer, part)
        except ValueError as error:
            fault = str(error)
        if fault is not None:
            return f"{name}: {fault}"
    return None


def _fault(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> str | None:
    groups, own = state.get("param_groups", ()), optimizer.param_groups
    sizes = [[len(group["params"]) for group in each] for each in (groups, own)]
    if sizes[0] != sizes[1]:
        return (
            f"{sum(sizes[0])} parameters in {len(groups)} groups instead of "
            f"{sum(sizes[1])} in {len(own)}"
        )
    if type(optimizer) not in LIKE_PARAMETERS:
        return None
    numbers = [number for group in groups for number in group["params"]]
    parameters = [parameter for group in own for parameter in group["params"]]
    found = dict(zip(numbers, parameters, strict=True))
    for number, values in state["state"].items():
        if number not in found:
            return f"a state of parameter {number}, which there is not"
        for name, value in values.items():
            size = tuple(found[number].shape)
            if isinstance(value, Tensor) and value.numel() > 1 and value.shape != size:
                return (
                    f"{name} of parameter {number} has the size {tuple(value.shape)} "
                    f"instead of {size}"
                )
    return None
