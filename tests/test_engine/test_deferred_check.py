"""A check that is read a step later stops a training as the immediate one does.

A GPU is not needed: torch's fused steps on a CPU obey the same flag.
"""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmseg.registry import HOOKS
from processes import in_two_processes

from mmseg_semisup.benchmark.operations import count_waits
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.engine import deferred_check, param_groups
from mmseg_semisup.engine.deferred_check import can_defer
from mmseg_semisup.engine.failed_step import FAILED_STEP
from mmseg_semisup.engine.nonfinite import NumbersError
from test_engine.test_nonfinite import (
    CASES,
    Toy,
    joint,
    overflow,
    total,
    toy_runner,
    train_with_trouble,
)

WAIT = "aten::_local_scalar_dense"


@pytest.fixture
def _deferred(monkeypatch):
    defer_on_a_cpu(monkeypatch.setattr)
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)


def defer_on_a_cpu(change):
    change(deferred_check, "DEVICES", ["cpu"])
    # Every parameter gets the fused step, also where that rounds otherwise on a CPU.
    change(param_groups, "VECTOR", 1)


def wrapped(model, kind="SGD", **settings):
    optimizer = {"type": kind, "lr": 0.1, **settings}
    wrapper = joint(model, segmentor={"optimizer": optimizer})
    wrapper.deferred = True
    return wrapper


@pytest.mark.usefixtures("_deferred", "safe_checkpoints")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("loss", ["labeled.loss_ce", "discriminator.loss_d"])
@pytest.mark.parametrize(
    ("trouble", "interval", "saved"),
    [
        # found by the next step, by a checkpoint of the same step, by the last one,
        (2, 2, [2]),
        (3, 2, [2]),
        (5, 2, [4]),
        # and at the end of the training
        (5, 4, [4]),
    ],
)
def test_a_loss_that_is_nan_stops_the_training(
    tmp_path, loss, precision, trouble, interval, saved
):
    runner = toy_runner(tmp_path, (trouble, loss), precision=precision)
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointHook))
    hook.interval = interval
    first = 2 * trouble % 8
    message = (
        f"stopped in iteration {trouble + 1} before any optimizer moved: the loss "
        f"{loss} is nan. Images of the batch: labeled: photo_{first}.jpg, "
        rf"photo_{first + 1}.jpg. The last checkpoint is .*iter_{saved[-1]}\.pth\. "
    )
    with pytest.raises(NumbersError, match=message):
        runner.train()
    assert runner.optim_wrapper.deferred
    names = [FAILED_STEP, *(f"iter_{step}.pth" for step in saved)]
    assert sorted(p.name for p in tmp_path.glob("*.pth")) == names
    # That of the bad step, not of the one in which it is found.
    (only,) = load_checkpoint_file(tmp_path / FAILED_STEP)["processes"][0]["passes"]
    inputs = only["batch"]["inputs"]["labeled"]
    assert [round(float(x[0]), 1) for x in inputs] == [first / 10, (first + 1) / 10]


@pytest.mark.usefixtures("_deferred", "safe_checkpoints")
def test_weights_and_states_are_those_before_the_step(tmp_path):
    runner = toy_runner(tmp_path, (2, "discriminator.loss_d"))
    with pytest.raises(NumbersError):
        runner.train()
    found = load_checkpoint_file(tmp_path / "iter_2.pth")
    assert_same(runner.model.state_dict(), found["state_dict"])
    assert_same(runner.optim_wrapper.state_dict(), found["optimizer"])


@pytest.mark.usefixtures("_deferred", "safe_checkpoints")
def test_gradients_without_a_bad_loss_are_named(tmp_path):
    runner = toy_runner(tmp_path, (3, "gradient"))
    message = (
        r"iteration 4 .*all losses are finite, but not the gradients of "
        r"segmentor\.weight, segmentor\.bias\. Images .*photo_6\.jpg, photo_7\.jpg"
    )
    with pytest.raises(NumbersError, match=message):
        runner.train()


@pytest.mark.usefixtures("_deferred", "safe_checkpoints")
def test_all_batches_of_an_accumulated_step_are_named(tmp_path):
    runner = toy_runner(tmp_path, (2, "labeled.loss_ce"), accumulative_counts=2)
    with pytest.raises(NumbersError, match="iteration 4 .*photo_4.*photo_7"):
        runner.train()


@pytest.mark.usefixtures("_deferred")
def test_a_validation_reads_the_check():
    model = Toy()
    runner = SimpleNamespace(optim_wrapper=wrapped(model))
    runner.optim_wrapper.update_params(total(model) * float("nan"))
    with pytest.raises(NumbersError):
        HOOKS.build({"type": "NumbersHook"}).before_val(runner)


@pytest.mark.usefixtures("_deferred")
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("SGD", {"momentum": 0.9}),
        ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        ("SGD", {}),
        ("Adam", {"amsgrad": True}),
        ("AdamW", {"weight_decay": 0.1}),
    ],
)
def test_a_skipped_step_changes_no_bit(kind, settings, number):
    model = Toy()
    wrapper = wrapped(model, kind, **settings)
    assert can_defer([part.optimizer for part in wrapper.values()])
    wrapper.update_params(total(model) * 0.3)
    wrapper.update_params(total(model) * 0.7)
    weights = copy.deepcopy(model.state_dict())
    states = copy.deepcopy(wrapper.state_dict())
    wrapper.update_params(total(model) * number)
    assert_same(model.state_dict(), weights)
    assert_same(wrapper.state_dict(), states)
    with pytest.raises(NumbersError, match="but not the gradients of"):
        wrapper.settle()
    wrapper.settle()


@pytest.mark.usefixtures("_deferred")
def test_finite_steps_are_those_of_the_immediate_check():
    found = []
    for deferred in (False, True):
        torch.manual_seed(0)
        model = Toy()
        wrapper = wrapped(model, momentum=0.9)
        wrapper.deferred = deferred
        for number in range(4):
            features = model.segmentor(torch.full((3, 2), 0.1 * number))
            loss = features.square().mean() + model.discriminator(features).mean()
            wrapper.update_params(loss)
        wrapper.settle()
        found.append((model.state_dict(), wrapper.state_dict()))
    assert_same(*(weights for weights, _ in found))
    assert_same(*(states for _, states in found))


@pytest.mark.usefixtures("_deferred")
def test_finite_numbers_with_infinite_squares_step():
    model = Toy()
    wrapper = wrapped(model, lr=1e-36)
    before = model.segmentor.weight.detach().clone()
    wrapper.update_params(overflow(model))
    wrapper.settle()
    assert not torch.equal(model.segmentor.weight, before)


@pytest.mark.usefixtures("_deferred")
def test_a_step_does_not_wait():
    model = Toy()
    wrapper = wrapped(model, momentum=0.9)
    wrapper.update_params(total(model))
    step = lambda: wrapper.update_params(total(model))  # noqa: E731
    assert count_waits(step, "cpu") == {}
    wrapper.settle()
    wrapper.deferred = False
    assert count_waits(step, "cpu") == {WAIT: 1}


@pytest.mark.parametrize("fused", [True, False])
def test_only_fused_steps_are_deferred(monkeypatch, fused):
    defer_on_a_cpu(monkeypatch.setattr)
    wrapper = wrapped(Toy(), fused=fused)
    optimizers = [part.optimizer for part in wrapper.values()]
    assert can_defer(optimizers) == fused
    monkeypatch.undo()
    assert not can_defer(optimizers)


@pytest.mark.usefixtures("_deferred")
def test_only_a_checkpoint_hook_that_reads_the_check_lets_it_be_deferred():
    model = Toy()
    for kind, deferred in (("AtomicCheckpointHook", True), ("CheckpointHook", False)):
        wrapper = wrapped(model)
        hook = HOOKS.build({"type": kind})
        runner = SimpleNamespace(
            model=model,
            optim_wrapper=wrapper,
            hooks=[hook],
            cfg=Config({}),
            work_dir="",
        )
        HOOKS.build({"type": "NumbersHook"}).before_train(runner)
        assert wrapper.deferred is deferred


def train_with_troubles(rank: int, folder: Path) -> list[tuple[str, dict]]:
    defer_on_a_cpu(setattr)
    return [train_with_trouble(rank, folder, kind, "float32") for kind, _ in CASES[::2]]


@pytest.mark.slow
def test_two_processes_stop_together(tmp_path):
    found = in_two_processes(train_with_troubles, tmp_path)
    for (first, weights), (second, others) in zip(*found, strict=True):
        assert first == second
        assert "stopped in iteration 3 before any optimizer moved" in first
        assert "photo_2.jpg, photo_3.jpg" in first
        assert_same(weights, others)
        assert all(value.isfinite().all() for value in weights.values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_gpu_skips_the_step_and_nothing_waits(kind, number):
    model = Toy().cuda()
    wrapper = wrapped(model, kind)
    wrapper.update_params(total(model))
    before = copy.deepcopy(model.state_dict())
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        wrapper.update_params(total(model) * number)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert_same(model.state_dict(), before)
    with pytest.raises(NumbersError, match=r"iteration|gradients of a parameter"):
        wrapper.update_params(total(model))


def assert_same(found, expected):
    # What is loaded from a file is on the host.
    torch.testing.assert_close(found, expected, rtol=0, atol=0, check_device=False)
