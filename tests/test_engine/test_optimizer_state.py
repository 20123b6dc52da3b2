"""The state of other optimizers is named before torch loads it, or a part of it."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict

from mmseg_semisup.engine.optimizer_state import find_optimizer_fault


def stepped(*sizes: int, kind: type = torch.optim.SGD, **options: float):
    """An optimizer that has taken a step, one group a parameter."""
    weights = [torch.ones(size, requires_grad=True) for size in sizes]
    optimizer = kind([{"params": [weight]} for weight in weights], lr=0.1, **options)
    sum(weight.sum() for weight in weights).backward()
    optimizer.step()
    return OptimWrapper(optimizer)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (torch.optim.SGD, {"momentum": 0.9}),
        (torch.optim.AdamW, {}),
        (torch.optim.Adagrad, {}),
        (torch.optim.Adafactor, {}),
    ],
)
def test_its_own_state_has_no_fault(kind, options):
    wrapper = stepped(2, 3, kind=kind, **options)
    assert find_optimizer_fault(wrapper, wrapper.state_dict()) is None


def test_what_differs_is_named():
    wrapper = stepped(2, 3, momentum=0.9)
    state = wrapper.state_dict()
    fewer = stepped(2, momentum=0.9)
    assert "1 parameters in 1 groups instead of 2 in 2" in find_optimizer_fault(
        wrapper, fewer.state_dict()
    )
    other = copy.deepcopy(state)
    other["state"][1]["momentum_buffer"] = torch.ones(4)
    expected = "momentum_buffer of parameter 1 has the size (4,) instead of (3,)"
    assert find_optimizer_fault(wrapper, other) == expected
    several = OptimWrapperDict(segmentor=wrapper, discriminator=fewer)
    both = {"segmentor": other, "discriminator": fewer.state_dict()}
    assert find_optimizer_fault(several, both) == f"segmentor: {expected}"
    other["state"][7] = other["state"].pop(1)
    assert "parameter 7, which there is not" in find_optimizer_fault(wrapper, other)
