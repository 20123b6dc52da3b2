"""A training with a dry run is the same, bit for bit, as one without."""

from __future__ import annotations

import random
from collections import OrderedDict, deque

import numpy as np
import pytest
import resume_helpers
import torch
from helpers import forget_runs
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from processes import in_two_processes
from tiny_methods import METHODS, build_method, method_batch, optimizers_of

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.dry_run import train
from mmseg_semisup.dry_run.state import keep, unchanged
from mmseg_semisup.dry_run.step import take_step
from mmseg_semisup.engine.random_state import random_state
from mmseg_semisup.engine.runner import build_runner

ALLOWED = {"type": "DataCheckHook", "level": "off", "allow": ["validated"]}


def state_of(model, wrapper):
    return {
        "model": {k: v.clone() for k, v in model.state_dict().items()},
        "buffers": {k: v.clone() for k, v in model.named_buffers()},
        "optimizers": wrapper.state_dict(),
        "random": random_state(),
        "gradients": [p.grad is None for p in model.parameters()],
        "modes": [module.training for module in model.modules()],
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_step_leaves_no_trace(method):
    model = build_method(method)
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    for step in range(2):  # So that optimizers and banks have a state.
        model.train_step(method_batch(step), wrapper)
        model.follow()
    before = state_of(model, wrapper)
    taken = take_step(model, wrapper, method_batch(2), 100)
    resume_helpers.assert_same(before, state_of(model, wrapper))
    assert taken.losses["loss"] > 0
    assert not taken.not_finite
    assert wrapper.watch._losses == []


@pytest.mark.parametrize("method", ["mean_teacher", "s4gan"])
def test_a_step_before_the_first_leaves_no_trace(method):
    model = build_method(method)
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    before = state_of(model, wrapper)
    take_step(model, wrapper, method_batch(0), 100)
    resume_helpers.assert_same(before, state_of(model, wrapper))
    assert all(not o.optimizer.state for o in wrapper.values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_step_on_a_gpu_leaves_no_trace(precision):
    model = build_method("s4gan").cuda()
    wrapper = build_optim_wrapper(model, optimizers_of(model, precision))
    for step in range(2):
        model.train_step(method_batch(step), wrapper)
        model.follow()
    before = state_of(model, wrapper)
    taken = take_step(model, wrapper, method_batch(2), 100)
    resume_helpers.assert_same(before, state_of(model, wrapper))
    assert taken.device.type == "cuda"
    assert taken.megabytes > 0


def test_all_objectives_are_on_whatever_their_start():
    MessageHub.get_current_instance().update_info("max_iters", 100)
    model = build_method("adv_semi_seg")
    model.objectives["adversarial"].start = {"labeled": 50, "unlabeled": 99}
    model.objectives["self_taught"].start = 0.75
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    taken = take_step(model, wrapper, method_batch(0), 100)
    assert taken.losses["adversarial.loss_unlabeled"] > 0
    assert "self_taught.loss" in taken.losses


def trained(method, images, folder, mode, resume=False, **changes):
    """What the last checkpoint of a training holds."""
    # Two trainings of one second have the same name.
    forget_runs()
    cfg = resume_helpers.tiny_config(method, images, folder, **changes)
    cfg.custom_hooks = [*cfg.custom_hooks, ALLOWED]
    resume_helpers.quick()
    if resume:
        cfg.load_from, cfg.resume = str(folder / "iter_2.pth"), True
    runner = build_runner(cfg, strict=resume)
    assert train(runner, mode)
    return resume_helpers.final(folder)


@pytest.mark.slow
@pytest.mark.parametrize("method", resume_helpers.METHODS)
def test_training_with_a_dry_run_is_the_same(method, tiny_images, tmp_path, restored):
    without = trained(method, tiny_images, tmp_path / "without", "off")
    found = trained(method, tiny_images, tmp_path / "with", "first")
    resume_helpers.assert_same(without, found)


@pytest.mark.slow
def test_a_resumed_training_is_the_same(tiny_images, tmp_path, restored):
    keep_all = {"default_hooks.checkpoint.max_keep_ckpts": 3}
    whole = trained("mean_teacher", tiny_images, tmp_path / "run", "first", **keep_all)
    (tmp_path / "run" / "iter_4.pth").unlink()
    again = trained(
        "mean_teacher", tiny_images, tmp_path / "run", "first", True, **keep_all
    )
    resume_helpers.assert_same(whole, again)


@pytest.fixture
def restored(restored_readers, monkeypatch):
    """Undo what ``quick`` changes in this process."""
    monkeypatch.setattr(resume_helpers.Config, "pretty_text", "")
    monkeypatch.setattr(resume_helpers.Runner, "_log_env", lambda self, env_cfg: None)


def train_in_group(rank, images, folder, mode):
    resume_helpers.quick()
    cfg = resume_helpers.tiny_config("context_aware", images, folder)
    cfg = resume_helpers.distribute(cfg)
    cfg.custom_hooks = [*cfg.custom_hooks, ALLOWED]
    train(build_runner(cfg, strict=False), mode)


@pytest.mark.slow
def test_processes_take_the_step_together(tiny_images, tmp_path, restored):
    found = []
    for mode in ("off", "first"):
        in_two_processes(train_in_group, tiny_images, tmp_path / mode, mode)
        found.append(resume_helpers.final(tmp_path / mode))
    resume_helpers.assert_same(*found)
    assert (tmp_path / "first" / "first_batch.png").is_file()
    assert load_checkpoint_file(tmp_path / "first" / "iter_4.pth")["process_buffers"]


def test_nested_values_are_restored_in_place():
    tensor, array = torch.arange(3.0), np.arange(3)
    inner = [1, tensor]
    value = {"a": inner, "b": {"c": array}, "d": deque([1, 2]), "e": {1}}
    value["self"] = value
    restore = keep(value, {})
    tensor.fill_(9)
    array.fill(9)
    inner.append(2)
    value["b"] = None
    value["d"].clear()
    value["e"].add(2)
    value["new"] = 1
    assert restore() is value
    assert value["a"] is inner
    assert inner == [1, tensor]
    assert tensor.tolist() == [0, 1, 2]
    assert value["b"]["c"].tolist() == [0, 1, 2]
    assert (list(value["d"]), value["e"]) == ([1, 2], {1})
    assert list(value) == ["a", "b", "d", "e", "self"]


class Odd(torch.nn.Module):
    """Has all kinds of state."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))
        self.register_buffer("buffer", torch.zeros(2), persistent=False)
        self.count = 0
        self.history = OrderedDict(first=[torch.zeros(1)])

    def forward(self) -> torch.Tensor:
        self.count += 1
        self.extra = 1
        self.buffer = self.buffer + 1
        self.history["first"].append(torch.ones(1))
        return (self.weight * random.random()).sum()


def test_state_outside_of_a_state_dict_is_restored():
    model = Odd()
    adam = {"optimizer": {"type": "AdamW", "lr": 0.1}}
    wrapper = build_optim_wrapper(model, {"type": "OptimWrapper", **adam})
    buffer = model.buffer
    numbers = random.getstate()
    with unchanged(model, wrapper):
        model().backward()
        wrapper.optimizer.step()
        wrapper.optimizer.param_groups[0]["lr"] = 7.0
        assert model.weight.tolist() != [1, 1]
    assert model.weight.tolist() == [1, 1]
    assert model.weight.grad is None
    assert model.buffer is buffer
    assert (model.count, len(model.history["first"])) == (0, 1)
    assert not hasattr(model, "extra")
    assert wrapper.optimizer.param_groups[0]["lr"] == 0.1
    assert not wrapper.optimizer.state
    assert random.getstate() == numbers
