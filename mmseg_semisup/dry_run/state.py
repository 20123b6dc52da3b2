"""Keeps the state of a training, and restores it bit for bit."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from mmseg_semisup.engine.random_state import random_state, set_random_state

Restore = Callable[[], Any]
CONTAINERS = (dict, OrderedDict, list, tuple, set, deque)
NUMBERS = (int, float)


@contextmanager
def unchanged(model: nn.Module, optim_wrapper: OptimWrapper) -> Iterator[None]:
    """Restore model, optimizers and random generators after a block.

    Parameters, buffers, counters and other plain attributes of all modules are
    restored, gradients, the optimizers' states and settings, and the generators of this
    process. The copies are on the host, so that the memory of a GPU stays free.

    Args:
        model: The model, not wrapped.
        optim_wrapper: One optimizer or several.
    """
    generators = random_state()
    gradients = [(p, p.grad) for p in model.parameters()]
    seen: dict[int, Restore] = {}
    restores = [keep(vars(module), seen) for module in model.modules()]
    for optimizer in optimizers_of(optim_wrapper):
        restores += [keep(optimizer.state, seen), keep(optimizer.param_groups, seen)]
        restores.append(keep_numbers(optimizer))
    try:
        yield
    finally:
        for restore in restores:
            restore()
        for parameter, gradient in gradients:
            parameter.grad = gradient
        watch = getattr(optim_wrapper, "watch", None)
        if watch is not None:
            watch.take()
        set_random_state(generators)


def optimizers_of(optim_wrapper: OptimWrapper) -> list[torch.optim.Optimizer]:
    """The optimizers in a wrapper of one or several."""
    if isinstance(optim_wrapper, OptimWrapperDict):
        return [wrapper.optimizer for wrapper in optim_wrapper.values()]
    return [optim_wrapper.optimizer]


def keep_numbers(owner: object) -> Restore:
    """Keep an object's attributes that are numbers, such as a count of steps."""
    kept = {k: v for k, v in vars(owner).items() if isinstance(v, NUMBERS)}

    def restore() -> None:
        vars(owner).update(kept)

    return restore


def keep(value: Any, seen: dict[int, Restore]) -> Restore:
    """Copy the tensors and containers within a value.

    Args:
        value: Any object. Tensors, arrays and Python's own containers are copied, to
            any depth; other objects are referred to.
        seen: Identity of each value that has been copied to its result; extended.

    Returns:
        A function that restores the very same objects to their content, and returns
        the value.
    """
    if id(value) in seen:
        return seen[id(value)]
    # Containers that hold themselves end here.
    seen[id(value)] = lambda: value
    restore = _restorer(value, seen)
    seen[id(value)] = restore
    return restore


def _restorer(value: Any, seen: dict[int, Restore]) -> Restore:
    if isinstance(value, Tensor):
        return _keep_tensor(value)
    if isinstance(value, np.ndarray):
        return _keep_array(value)
    if type(value) not in CONTAINERS and not _is_state(value):
        return lambda: value
    if isinstance(value, dict):
        entries = {key: keep(item, seen) for key, item in value.items()}

        def restore_dict() -> Any:
            content = {key: restore() for key, restore in entries.items()}
            value.clear()
            value.update(content)
            return value

        return restore_dict
    items = [keep(item, seen) for item in value]

    def restore_items() -> Any:
        content = [restore() for restore in items]
        if isinstance(value, tuple):
            return value
        value.clear()
        value.update(content) if isinstance(value, set) else value.extend(content)
        return value

    return restore_items


def _is_state(value: object) -> bool:
    """Whether a value is the state of an optimizer, a ``defaultdict``."""
    return isinstance(value, dict) and hasattr(value, "default_factory")


def _keep_tensor(tensor: Tensor) -> Restore:
    copied = tensor.detach().to("cpu", copy=True)

    def restore() -> Tensor:
        with torch.no_grad():
            tensor.copy_(copied)
        return tensor

    return restore


def _keep_array(array: np.ndarray) -> Restore:
    copied = array.copy()

    def restore() -> np.ndarray:
        array[...] = copied
        return array

    return restore
