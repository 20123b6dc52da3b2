"""Every method trains in lower precision, and learns what it learns in float32."""

from __future__ import annotations

import os

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from tiny_methods import METHODS, build_method, method_batch, optimizers_of, student_of

STEPS = int(os.environ.get("MMSEG_SEMISUP_PRECISION_STEPS", "50"))
LAST, BATCHES = 10, 5
LEARNING_RATE = 1e-3
"""With faster learning, the argmax of other pixels becomes their pseudo-label sooner or
later, and any rounding ends in another training."""


def train(method, precision, device="cpu"):
    """Losses of each step, by name."""
    model = build_method(method).to(device)
    cfg = optimizers_of(model, precision, LEARNING_RATE)
    wrapper = build_optim_wrapper(model, cfg)
    torch.manual_seed(0)
    history = {}
    for step in range(STEPS):
        losses = model.train_step(method_batch(step % BATCHES, 2, 2), wrapper)
        model.teacher.update(student_of(model))
        for name, value in losses.items():
            if "loss" in name:
                history.setdefault(name, []).append(value.float().cpu())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert all(torch.isfinite(p).all() for p in model.parameters())
    return {name: torch.stack(values) for name, values in history.items()}, wrapper


def check_close(found, expected, share=0.02):
    """The whole loss ends within a share; each of its parts is off by no more."""
    assert found.keys() == expected.keys()
    whole = expected["loss"][-LAST:].mean().item()
    assert whole < expected["loss"][:BATCHES].mean().item()
    for name, values in found.items():
        assert torch.isfinite(values).all(), name
        ends, reference = (v[-LAST:].mean().item() for v in (values, expected[name]))
        assert ends == pytest.approx(reference, abs=share * whole), name
    assert not torch.equal(found["loss"], expected["loss"])


STEADY = [method for method in METHODS if method != "flexmatch"]
"""Without those whose thresholds follow the pixels that pass them."""


@pytest.mark.slow
@pytest.mark.parametrize("method", STEADY)
def test_bfloat16_on_a_cpu(method):
    found, _ = train(method, "bfloat16")
    expected, _ = train(method, "float32")
    check_close(found, expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
@pytest.mark.parametrize("method", METHODS)
def test_float16_with_scaling_on_a_gpu(method):
    found, wrapper = train(method, "float16", "cuda")
    expected, _ = train(method, "float32", "cuda")
    assert wrapper.scaler.is_enabled()
    assert wrapper.scaler.get_scale() >= 1
    # U2PL draws other negatives as soon as another pixel is among the least sure.
    check_close(found, expected, 0.05 if method == "u2pl" else 0.02)
