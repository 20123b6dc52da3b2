"""Processes that are killed while they save, again and again."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from processes import fork, in_child, wait
from resume_helpers import assert_same, quick
from torch import Tensor, nn

from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.atomic_io import TEMPORARY_PREFIX
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.find_checkpoint import find_whole_checkpoint
from mmseg_semisup.engine.hooks import checkpoint_hook

KILLS = int(os.environ.get("MMSEG_SEMISUP_KILLS", "100"))


class Noisy(BaseModel):
    """Weights that go where random numbers send them; a megabyte of them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(250_000))

    def forward(self, inputs: Tensor, mode: str = "loss") -> dict[str, Tensor]:
        return {"loss": (self.weight[:100] * torch.randn(100)).sum()}


class Loader(list):
    dataset = range(8)


def report_writes(descriptor: int) -> None:
    """Tell the parent, through a pipe, when a file is about to be written."""
    write = atomic_io.atomic_write

    def reporting(path: str | Path, content: bytes) -> None:
        os.write(descriptor, b"x")
        write(path, content)

    atomic_io.atomic_write = checkpoint_hook.atomic_write = reporting


def train(folder: Path, iterations: int, interval: int) -> None:
    """Train, from the last checkpoint if there is one; nearly all of it is saving."""
    quick()
    last = find_whole_checkpoint(folder, print)
    checkpoints = {"by_epoch": False, "interval": interval, "max_keep_ckpts": 1}
    runner = Runner(
        Noisy(),
        str(folder),
        train_dataloader=Loader([{"inputs": torch.ones(1)}] * 10_000),
        train_cfg={"by_epoch": False, "max_iters": iterations},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
        default_hooks={
            "checkpoint": {"type": "AtomicCheckpointHook", **checkpoints},
            "logger": None,
        },
        load_from=last and str(last),
        resume=last is not None,
        default_scope="mmseg",
        log_level="ERROR",
        randomness={"seed": 3},
        experiment_name=str(os.getpid()),
    )
    runner.train()


def kill_after_some_writes(work: Path, pick: random.Random, pause: float) -> float:
    """Train in a child, and kill it; returns how long a write takes, in seconds."""
    ready, descriptor = os.pipe()

    def saving() -> None:
        report_writes(descriptor)
        train(work, 10**6, 1)

    child = fork(saving)
    os.close(descriptor)
    writes, begin = pick.randint(1, 5), 0.0
    for number in range(writes):
        assert os.read(ready, 1) == b"x"
        begin = begin or time.perf_counter()
        pause = (time.perf_counter() - begin) / number if number else pause
    time.sleep(pick.uniform(0, pause))
    os.kill(child, signal.SIGKILL)
    os.close(ready)
    assert wait(child) == -signal.SIGKILL
    return pause


@pytest.mark.slow
def test_every_kill_leaves_a_run_that_goes_on(tmp_path):
    """Killed at random moments of saving, it is where it would be without."""
    work = tmp_path / "work"
    pick = random.Random(0)
    cut_off = saved = 0
    pause = 0.005
    for _ in range(KILLS):
        pause = kill_after_some_writes(work, pick, pause)
        cut_off += any(work.glob(f"{TEMPORARY_PREFIX}*"))
        passed_over: list[str] = []
        last = find_whole_checkpoint(work, passed_over.append)
        assert not passed_over
        number = int(last.stem[5:]) if last else 0
        assert number >= saved
        saved = number
    print(f"{KILLS} kills, {cut_off} of them in the middle of a file; {saved} saves")
    # On a busy machine fewer fall into a write.
    assert cut_off > KILLS // 25
    assert saved > KILLS // 10

    straight = tmp_path / "straight"
    assert in_child(lambda: train(straight, saved, saved)) == 0
    states = [load_checkpoint_file(f / f"iter_{saved}.pth") for f in (work, straight)]
    for key in ("state_dict", "optimizer", "random_states"):
        assert_same(states[0][key], states[1][key], key)
