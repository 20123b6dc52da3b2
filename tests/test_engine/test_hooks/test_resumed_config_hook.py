"""A resume under another config stops, or says whose value counts."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, PolyLR
from mmengine.runner import IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.datasets import SourceSampler
from mmseg_semisup.engine.hooks import ResumedConfigHook

CONFIG = {
    "model": {"type": "SemiSegmentor", "teacher": {"momentum": 0.9}},
    "optim_wrapper": {"segmentor": {"optimizer": {"type": "SGD", "lr": 0.1}}},
    "param_scheduler": [{"type": "PolyLR", "end": 10}],
    "randomness": {"seed": 0},
    "train_cfg": {"max_iters": 10},
}
RATIO = {"labeled": 1, "unlabeled": 1}


class Sources(list):
    """Two sources of images."""

    sources = {"labeled": range(3), "unlabeled": range(8)}


def runner(batch: int = 2, processes: int = 1, rank: int = 0, **changes: object):
    """What the hook reads of a runner."""
    cfg = Config(copy.deepcopy(CONFIG))
    cfg.merge_from_dict(changes)
    sampler = SourceSampler(Sources(), RATIO, seed=0)
    sampler.world_size, sampler.rank = processes, rank
    loop = object.__new__(IterBasedTrainLoop)
    loop._max_iters = cfg.train_cfg.max_iters
    lines: list[str] = []
    return SimpleNamespace(
        _resume=True,
        cfg=cfg,
        work_dir="/runs/one",
        train_dataloader=DataLoader(Sources(), batch, sampler=sampler),
        train_loop=loop,
        logger=SimpleNamespace(warning=lines.append),
        lines=lines,
    )


def saved(iteration: int = 4, by: object = None) -> dict:
    """The checkpoint of a runner."""
    checkpoint = {"meta": {"iter": iteration, "epoch": 0}}
    ResumedConfigHook().before_save_checkpoint(by or runner(), checkpoint)
    return checkpoint


def resume(now: object, accept: str | None = None, then: object = None) -> list[str]:
    """Load a checkpoint; returns what was said."""
    ResumedConfigHook(accept).after_load_checkpoint(now, then or saved())
    return now.lines


CHANGES = {
    "model.teacher.momentum": (0.5, "0.9 -> 0.5", "the config's"),
    "optim_wrapper.segmentor.optimizer.lr": (0.2, "0.1 -> 0.2", "the checkpoint's"),
    "param_scheduler.0.end": (20, "10 -> 20", "the checkpoint's"),
    "randomness.seed": (1, "0 -> 1", "the checkpoint's"),
    "train_cfg.max_iters": (20, "10 -> 20", "the config's"),
}


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_is_named_and_stops(key):
    value, words, whose = CHANGES[key]
    changes = {key: value}
    if key == "param_scheduler.0.end":
        changes = {"param_scheduler": [{"type": "PolyLR", "end": value}]}
    assert resume(runner()) == []
    expected = rf"trained with another config: {key}: {words}\. .*--accept-changes"
    with pytest.raises(ConfigError, match=expected):
        resume(runner(**changes))
    (line,) = resume(runner(**changes), "changes")
    assert line.startswith(f"{key}: {words}: {whose} value counts")


def test_the_number_of_processes_and_images_is_compared(monkeypatch):
    then = saved()
    then["fingerprint"]["images"]["labeled"] = 92
    then["fingerprint"]["processes"] = 4
    expected = r"processes: 4 -> 1, images\.labeled: 92 -> 3"
    with pytest.raises(ConfigError, match=expected):
        resume(runner(), then=then)
    assert len(resume(runner(), "changes", then)) == 2


def test_a_checkpoint_of_before_says_one_line():
    checkpoint = {"meta": {"iter": 4, "epoch": 0}}
    (line,) = resume(runner(**{"model.teacher.momentum": 0.5}), then=checkpoint)
    assert "does not say with which config" in line


def test_nothing_left_to_train_is_said():
    few = runner(**{"train_cfg.max_iters": 2})
    with pytest.raises(ConfigError, match=r"max_iters=2, but .* is of 4: nothing is"):
        resume(few, "changes")
    (line,) = resume(runner(), then=saved(10))
    assert "of train_cfg.max_iters=10: nothing is left to train" in line


def test_weights_alone_are_not_compared():
    other = runner(**{"model.teacher.momentum": 0.5})
    other._resume = False
    assert resume(other) == []


def keys(of: object, begin: int, end: int) -> list:
    """The samples of some iterations of a process."""
    loader = of.train_dataloader
    loader.sampler.skip(begin * loader.batch_size)
    stream = iter(loader.sampler)
    return [next(stream) for _ in range((end - begin) * loader.batch_size)]


@pytest.mark.parametrize(("batch", "processes"), [(4, 1), (2, 2), (3, 2), (6, 1)])
def test_the_data_goes_on_behind_what_was_seen(monkeypatch, batch, processes):
    """One process with batches of 4 stops after 3; what comes next is the same."""
    whole = sorted(keys(runner(4), 3, 30))
    found = []
    then = saved(3, runner(4))
    for rank in range(processes):
        now = runner(batch, processes, rank)
        resume(now, "changes", copy.deepcopy(then))
        found += keys(now, 3, 9)
        again = saved(9, now)
        later = runner(batch, processes, rank)
        resume(later, "changes", again)
        assert keys(later, 9, 11) == keys(now, 9, 11)
    assert len(set(found)) == len(found) == 6 * batch * processes
    assert set(found) <= set(whole)
    if batch * processes % 4 == 0:
        assert sorted(found) == sorted(keys(runner(4), 3, 3 + len(found) // 4))


@pytest.mark.parametrize(
    "change",
    [
        lambda stream: stream.pop("position"),
        lambda stream: stream.update(position=-1),
        lambda stream: stream.update(position="4"),
        lambda stream: stream.update(dealt=5),
        lambda stream: stream["dealt"].update(first={"labeled": 0.5}),
        lambda stream: stream.update(ratio={"labeled": 0}),
        lambda stream: stream.update(processes=10**12),
    ],
)
def test_a_position_of_another_form_is_named(change):
    then = saved()
    change(then["data_stream"])
    with pytest.raises(CheckpointError, match="data_stream is no position"):
        resume(runner(4), "changes", then)


def train(lr: float, end: int, steps: int, begin: int = 0, resumed: bool = False):
    """SGD with a schedule; at ``begin`` it is resumed with other settings."""
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=lr, momentum=0.9)
    schedule = PolyLR(optimizer, eta_min=0.0, power=0.9, end=end, by_epoch=False)
    rates = []
    for _ in range(begin, steps):
        weight.grad = torch.ones(1)
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    return optimizer, schedule, rates


def test_optimizers_follow_the_config_if_told_to():
    """Their settings and rates are those of a training that always had this config."""
    earlier, old_schedule, _ = train(0.1, 10, 4)
    optimizer, schedule, _ = train(0.5, 20, 0)
    *_, expected = train(0.5, 20, 5)
    now = runner(**{"optim_wrapper.segmentor.optimizer.lr": 0.5})
    now.optim_wrapper = OptimWrapper(optimizer)
    now.param_schedulers, now.iter, now.epoch = [schedule], 4, 0
    checkpoint = saved() | {"param_schedulers": [old_schedule.state_dict()]}
    hook = ResumedConfigHook("optimizer")
    hook.after_load_checkpoint(now, checkpoint)
    (line,) = now.lines
    assert line.endswith("lr: 0.1 -> 0.5: the config's value counts")
    assert "param_schedulers" not in checkpoint
    now.optim_wrapper.load_state_dict(earlier.state_dict())
    hook.before_train(now)
    assert optimizer.param_groups[0]["lr"] == expected[4]
    assert schedule.last_step == 4
    buffers = [
        next(iter(o.state.values()))["momentum_buffer"] for o in (earlier, optimizer)
    ]
    assert torch.equal(*buffers)
