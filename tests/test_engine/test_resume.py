"""A training that was killed and resumed is the one that was never stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from lanes import FULL
from mmengine.hooks import Hook
from mmengine.runner import Runner
from processes import in_child, in_two_processes
from resume_helpers import (
    METHODS,
    STEPS,
    assert_same,
    distribute,
    final,
    tiny_config,
    trace,
    train,
)

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.datasets import SemiDataset

pytestmark = pytest.mark.slow


def run(
    method: str,
    images: Path,
    work_dir: Path,
    resume: bool = False,
    kill: int | None = None,
    **changes: object,
) -> int:
    """Train in a process of its own; returns its exit code."""
    cfg = tiny_config(method, images, work_dir, **changes)
    return in_child(lambda: train(cfg, resume, kill))


@pytest.mark.parametrize("method", METHODS)
def test_killed_and_resumed_equals_uninterrupted(tiny_images, tmp_path, method):
    """With two workers, killed and resumed, as without workers, never stopped."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(method, tiny_images, whole) == 0
    workers = {"train_dataloader.num_workers": 2}
    end = run(method, tiny_images, killed, kill=STEPS - 1, **workers)
    assert end == -signal.SIGKILL
    shutil.copytree(killed, tmp_path / "without_workers")
    assert run(method, tiny_images, killed, resume=True, **workers) == 0
    assert_same(final(killed), final(whole))
    assert trace(killed) == trace(whole)
    if method == "mean_teacher":
        other = tmp_path / "without_workers"
        assert run(method, tiny_images, other, resume=True) == 0
        assert_same(final(other), final(whole))
        assert trace(other) == trace(whole)


class KilledInValidation(Hook):
    """Kills the process in the last validation, before its score is known."""

    def after_val_iter(self, runner: Runner, *_: object, **__: object) -> None:
        if runner.iter == STEPS:
            os.kill(os.getpid(), signal.SIGKILL)


def test_the_last_validation_is_in_the_last_checkpoint(tiny_images, tmp_path):
    """The only one, and so the best; its network can be resumed from, too."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    changes = {"train_cfg.val_interval": STEPS}
    assert run("mean_teacher", tiny_images, whole, **changes) == 0
    cfg = tiny_config("mean_teacher", tiny_images, killed, **changes)
    end = in_child(lambda: train(cfg, False, hooks=[KilledInValidation()]))
    assert end == -signal.SIGKILL
    assert not final(killed)["validated"]
    assert run("mean_teacher", tiny_images, killed, resume=True, **changes) == 0
    assert final(killed)["validated"]
    assert_same(final(killed), final(whole))
    best = [load_checkpoint_file(*f.glob("best*.pth")) for f in (whole, killed)]
    for key in ("state_dict", "random_states", "process_buffers"):
        assert_same(best[1][key], best[0][key], key)


def test_thresholds_weights_and_draws_of_classes_are_resumed(tiny_images, tmp_path):
    select = {"type": "CurriculumThreshold", "threshold": 0.3}
    changes = {
        "model.objectives.consistency.select": {
            "type": "ClassWeights",
            "select": select,
        },
        "train_dataloader.sampler.rare_classes": {"labeled": {"temperature": 0.5}},
    }
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run("mean_teacher", tiny_images, whole, **changes) == 0
    end = run("mean_teacher", tiny_images, killed, kill=STEPS - 1, **changes)
    assert end == -signal.SIGKILL
    assert run("mean_teacher", tiny_images, killed, resume=True, **changes) == 0
    assert_same(final(killed), final(whole))
    assert trace(killed) == trace(whole)
    state = final(whole)["state_dict"]
    path = "objectives.consistency.select"
    assert state[f"{path}.pixels"].sum() > 0
    assert state[f"{path}.select.status"].sum() > 0


def test_resume_without_a_seed_in_the_config(tiny_images, tmp_path):
    """The order of the data is that of the seed that the first run drew."""
    work_dir = tmp_path / "work"
    changes = {"randomness.seed": None}
    np.random.seed(1)
    end = run("adv_semi_seg", tiny_images, work_dir, kill=STEPS - 1, **changes)
    assert end == -signal.SIGKILL
    np.random.seed(2)
    assert run("adv_semi_seg", tiny_images, work_dir, resume=True, **changes) == 0
    # The step after the checkpoint was done twice: reading this compares its data.
    assert sorted(trace(work_dir)) == list(range(STEPS))


SOME = ("mean_teacher", "s4gan", "three_stage_2", "context_aware", "prevmatch")
IN_PAIR = METHODS if FULL else SOME
"""Of each kind of state one: teacher, discriminator, labels, memory and snapshots."""


def train_all(_: int, images: Path, folder: Path, resume: bool) -> None:
    """What each of two processes does: each method, from the start or from step 2."""
    for method in IN_PAIR:
        work_dir = folder / method
        if resume:
            work_dir = work_dir / "resumed"
        cfg = distribute(tiny_config(method, images, work_dir))
        cfg.default_hooks.checkpoint.update(max_keep_ckpts=-1, save_best=None)
        train(cfg, resume)
        dist.barrier()


def test_two_processes_resume_exactly(tiny_images, tmp_path):
    """Four steps, and the last two of them again in other processes."""
    in_two_processes(train_all, tiny_images, tmp_path, False)
    for method in IN_PAIR:
        (tmp_path / method / "resumed").mkdir()
        shutil.copy(tmp_path / method / "iter_2.pth", tmp_path / method / "resumed")
    in_two_processes(train_all, tiny_images, tmp_path, True)
    for method in IN_PAIR:
        whole, resumed = tmp_path / method, tmp_path / method / "resumed"
        assert_same(final(resumed), final(whole))
        for rank in range(2):
            last = {k: v for k, v in trace(whole, rank).items() if k >= 2}
            assert trace(resumed, rank) == last
        assert trace(whole, 0) != trace(whole, 1)
    own = final(tmp_path / "mean_teacher")["process_buffers"]
    assert not own[0]
    assert any("running_mean" in name for name in own[1])


def dealt(rank: int, images: Path, work_dir: Path, batch: int, processes: int) -> list:
    """The samples of steps 3 and 4, resumed after two steps in one process."""
    keys = []
    read = SemiDataset.__getitem__
    SemiDataset.__getitem__ = lambda self, key: keys.append(key) or read(self, key)
    changes = {"train_dataloader.batch_size": batch}
    cfg = tiny_config("adv_semi_seg", images, work_dir / f"of_{processes}", **changes)
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=-1, save_best=None)
    try:
        train(distribute(cfg) if processes > 1 else cfg, True, accept="changes")
    finally:
        SemiDataset.__getitem__ = read
    return [tuple(key) for key in keys]


def test_two_processes_go_on_with_the_data_of_one(tiny_images, tmp_path):
    """Each with half of the batch: the same samples, none of them twice."""
    first = tmp_path / "first"
    changes = {"train_dataloader.batch_size": 4, "train_cfg.max_iters": 2}
    assert run("adv_semi_seg", tiny_images, first, **changes) == 0
    for name in ("of_1", "of_2"):
        (tmp_path / name).mkdir()
        shutil.copy(first / "iter_2.pth", tmp_path / name)
    pair = in_two_processes(dealt, tiny_images, tmp_path, 2, 2)

    def one() -> None:
        found = dealt(0, tiny_images, tmp_path, 4, 1)
        (tmp_path / "keys.json").write_text(json.dumps(found))

    assert in_child(one) == 0
    alone = [tuple(key) for key in json.loads((tmp_path / "keys.json").read_text())]
    assert len(alone) == 2 * 4
    assert sorted(pair[0] + pair[1]) == sorted(alone)


def test_gradients_that_accumulate_are_not_lost(tiny_images, tmp_path):
    """A checkpoint waits for the step of the optimizers."""
    changes = {
        "optim_wrapper.accumulative_counts": 2,
        "default_hooks.checkpoint.interval": 1,
    }
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run("adv_semi_seg", tiny_images, whole, **changes) == 0
    end = run("adv_semi_seg", tiny_images, killed, kill=STEPS - 1, **changes)
    assert end == -signal.SIGKILL
    assert [path.name for path in killed.glob("iter_*")] == ["iter_2.pth"]
    assert run("adv_semi_seg", tiny_images, killed, resume=True, **changes) == 0
    assert_same(final(killed), final(whole))


def test_resume_reads_nothing_again(tiny_images, tmp_path):
    """At iteration 40,000, only what the next two steps need."""
    work_dir = tmp_path / "work"
    assert run("adv_semi_seg", tiny_images, work_dir, **{"train_cfg.max_iters": 2}) == 0
    last = work_dir / "iter_2.pth"
    content = load_checkpoint_file(last)
    content["meta"]["iter"] = 40_000
    torch.save(content, last)

    changes = {"train_cfg.max_iters": 40_002, "train_cfg.val_interval": 30_000}
    changes["default_hooks.checkpoint.save_last"] = False
    cfg = tiny_config("adv_semi_seg", tiny_images, work_dir, **changes)
    log = tmp_path / "log"

    def count() -> None:
        keys = []
        read = SemiDataset.__getitem__
        SemiDataset.__getitem__ = lambda self, key: keys.append(key) or read(self, key)
        train(cfg, resume=True, accept="changes")
        log.write_text(str(len(keys)))

    assert in_child(count) == 0
    assert int(log.read_text()) == 2 * cfg.train_dataloader.batch_size
    assert sorted(trace(work_dir)) == [0, 1, 40_000, 40_001]
