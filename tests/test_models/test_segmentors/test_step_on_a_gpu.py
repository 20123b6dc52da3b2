"""On a GPU, every method computes what it computes on a CPU, and nothing waits."""

from __future__ import annotations

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from tiny_methods import METHODS, build_method, method_batch, optimizers_of

from mmseg_semisup.models.policies import adaptive_cut_mix

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA"),
]
STEPS = 3


def training(method, device):
    """A function that takes the next step of a method, and returns its losses."""
    model = build_method(method).to(device)
    wrapper = build_optim_wrapper(model, optimizers_of(model, lr=1e-3))
    wrapper.deferred = True
    batches = [method_batch(number, 2, 2) for number in range(STEPS + 2)]
    torch.manual_seed(0)

    def step():
        losses = model.train_step(batches.pop(0), wrapper)
        model.follow()
        return losses

    return step


@pytest.fixture
def _drawn_on_the_host(monkeypatch):
    """Boxes and the like are drawn from the same numbers for all devices."""
    for name in ("rand", "randperm"):
        draw = getattr(torch, name)
        monkeypatch.setattr(
            torch,
            name,
            lambda *size, draw=draw, device="cpu", **kw: draw(*size, **kw).to(device),
        )
    boxes = adaptive_cut_mix.clipped_boxes
    monkeypatch.setattr(
        adaptive_cut_mix,
        "clipped_boxes",
        lambda *args: boxes(*args[:-1], "cpu").to(args[-1]),
    )


@pytest.mark.usefixtures("_drawn_on_the_host")
@pytest.mark.parametrize("method", METHODS)
def test_losses_are_those_of_a_cpu(method, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    found, expected = (
        [step() for step in [training(method, device)] * STEPS]
        for device in ("cuda", "cpu")
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            torch.testing.assert_close(
                ours[name].cpu().float(), value.float(), rtol=1e-3, atol=1e-3, msg=name
            )


@pytest.mark.parametrize("method", METHODS)
def test_nothing_waits(method):
    step = training(method, "cuda")
    for _ in range(STEPS):
        step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert losses["loss"].isfinite()
