"""A trace finds the operator at which numbers stop being finite, and no other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmseg_semisup.replay.trace import Trace


class Network(nn.Module):
    """Two layers, and attention with a mask of minus infinity, as many networks."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        scores = (x @ x.T).masked_fill(torch.eye(len(x)) > 0, float("-inf"))
        return self.second(scores.softmax(dim=1) @ x)


def traced(function, model: nn.Module | None = None) -> tuple[Trace, Tensor]:
    torch.manual_seed(0)
    trace = Trace(model or nn.Module())
    with trace:
        result = function()
    return trace, result


def test_a_mask_of_infinity_is_no_origin_of_what_follows():
    model = Network()
    trace, result = traced(lambda: model(torch.rand(4, 3)), model)
    assert result.isfinite().all()
    assert trace.origin(result) is None
    with torch.no_grad():
        model.second.bias[1] = float("inf")
    trace = Trace(model)
    trace.note(model.second.bias, "second.bias")
    with trace:
        result = model(torch.rand(4, 3))
    assert trace.origin(result).first.place.module == "second.bias"


def test_the_module_of_an_operator():
    model = Network()
    nn.init.constant_(model.second.weight, 3e38)
    trace, result = traced(lambda: model(10 * torch.ones(4, 3)), model)
    event = trace.origin(result).first
    assert event.place.module == "second"
    assert event.operator == "aten.addmm"
    assert event.place.source.endswith(", forward")
    assert "test_trace.py" in event.place.source


def test_infinity_that_becomes_nan():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    trace, result = traced(lambda: (x.log() * 0).sum())
    event = trace.origin(result)
    assert event.turns_nan
    assert event.operator == "aten.mul"
    assert event.first.operator == "aten.log"
    assert torch.equal(event.first.inputs[0], x)


def test_an_operator_in_place():
    x = torch.tensor([0.0, 1.0])
    trace, result = traced(lambda: x.clone().log_())
    event = trace.origin(result)
    assert event.operator == "aten.log_"
    assert event.inputs[0].tolist() == [0.0, 1.0]
    with trace:
        result.fill_(1)
    assert trace.origin(result) is None


def test_memory_that_holds_anything_yet():
    def fill() -> Tensor:
        found = torch.full((4,), float("nan"))
        del found
        return torch.empty(4).copy_(torch.ones(4))

    trace, result = traced(fill)
    assert trace.origin(result) is None


def test_the_forward_of_a_backward_operator():
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    trace, loss = traced(lambda: model(torch.ones(1, 1)).sqrt().sum(), model)
    assert trace.origin(loss) is None
    trace.phase = "backward"
    with trace:
        loss.backward()
    event = trace.origin(model.weight.grad).first
    assert event.node == "SqrtBackward0"
    assert event.phase == "backward"
    assert "test_trace.py" in event.place.source
