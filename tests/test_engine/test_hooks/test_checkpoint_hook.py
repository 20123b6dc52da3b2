from __future__ import annotations

import errno
import itertools
import os
import resource
import signal
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import WriteError
from mmseg_semisup.core.find_checkpoint import find_last_checkpoint
from mmseg_semisup.engine.hooks import (
    AtomicCheckpointHook,
    HistoryHook,
    PreemptionHook,
)
from mmseg_semisup.engine.preemption import PreemptedError, requests

RUNS = itertools.count()

pytestmark = pytest.mark.usefixtures("safe_checkpoints")


class _Model(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, inputs: Tensor, mode: str = "tensor") -> dict | Tensor:
        return dict(loss=self.layer(inputs).sum()) if mode == "loss" else inputs


class _Loader(list):
    dataset = range(8)


def _runner(folder: Path, iterations: int, **options) -> Runner:
    hook = dict(type=AtomicCheckpointHook, by_epoch=False, interval=2) | options
    return Runner(
        _Model(),
        str(folder),
        train_dataloader=_Loader([dict(inputs=torch.ones(1, 2))] * 8),
        train_cfg=dict(by_epoch=False, max_iters=iterations),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)),
        default_hooks=dict(checkpoint=hook),
        log_level="ERROR",
        randomness=dict(seed=3),
        # A name that is used again has the message hub of the run before.
        experiment_name=f"{folder.name}{next(RUNS)}",
    )


def _checkpoints(folder: Path) -> set[str]:
    files = (path.name for path in folder.iterdir() if path.is_file())
    return {name for name in files if not name.endswith(".py")}


def test_keeps_the_last_checkpoints_and_the_pointer(tmp_path):
    _runner(tmp_path, 6, max_keep_ckpts=2).train()
    assert _checkpoints(tmp_path) == {"iter_4.pth", "iter_6.pth", "last_checkpoint"}
    last = tmp_path / "iter_6.pth"
    assert (tmp_path / "last_checkpoint").read_text() == str(last)
    stored = load_checkpoint_file(last)
    assert stored["message_hub"]["runtime_info"]["keep_ckpt_ids"] == [4, 6]


@pytest.mark.slow
def test_checkpoints_do_not_grow(tmp_path):
    runner = _runner(tmp_path, 40, interval=20, max_keep_ckpts=9)
    runner.register_hook(HistoryHook())
    runner.train()
    stored = [load_checkpoint_file(tmp_path / f"iter_{n}.pth") for n in (20, 40)]
    for checkpoint in stored:
        histories = checkpoint["message_hub"]["log_scalars"].values()
        assert {len(history.data[0]) for history in histories} == {10}
    # In memory, the last figures stay that a long window may read.
    assert len(runner.message_hub.get_scalar("train/loss").data[0]) == 40


class _Interrupt(Hook):
    """Lets the process leave after a step, as a signal would."""

    priority = "VERY_LOW"

    def __init__(self, step: int) -> None:
        self.step = step

    def after_train_iter(self, runner: Runner, batch_idx: int, **_: object) -> None:
        if batch_idx + 1 == self.step:
            requests.number = signal.SIGTERM


def _leave(folder: Path, step: int, **options) -> None:
    """Train and be interrupted after a step; resume if there is a checkpoint."""
    runner = _runner(folder, 8, **options)
    runner._resume = True
    for hook in (_Interrupt(step), PreemptionHook()):
        runner.register_hook(hook)
    try:
        with pytest.raises(PreemptedError):
            runner.train()
    finally:
        requests.number, requests.deferred = 0, False
        requests.uninstall()


def test_interruptions_push_out_no_scheduled_checkpoint(tmp_path):
    options = dict(max_keep_ckpts=2)
    steps = dict.fromkeys([3, 5, 7])
    for step in steps:
        _leave(tmp_path, step, **options)
        steps[step] = _checkpoints(tmp_path) - {"last_checkpoint"}
        assert find_last_checkpoint(tmp_path).name == f"iter_{step}.pth"
    assert steps == {
        3: {"iter_2.pth", "iter_3.pth"},
        5: {"iter_2.pth", "iter_4.pth", "iter_5.pth"},
        7: {"iter_4.pth", "iter_6.pth", "iter_7.pth"},
    }
    resumed = _runner(tmp_path, 8, **options)
    resumed._resume = True
    resumed.train()
    assert _checkpoints(tmp_path) == {"iter_6.pth", "iter_8.pth", "last_checkpoint"}


@pytest.mark.parametrize(("interval", "second"), [(2, None), (4, 3)])
def test_a_kill_before_the_removal_leaves_nothing_for_ever(
    tmp_path, monkeypatch, interval, second
):
    """Killed while a scheduled checkpoint, or that of a second interruption, is new."""
    options = dict(max_keep_ckpts=1, interval=interval)
    first = interval + 1 if second is None else 1
    _leave(tmp_path, first, **options)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(AtomicCheckpointHook, "_remove_outdated", die)
        with pytest.raises(KeyboardInterrupt):
            _leave(tmp_path, second or 8, **options)
    assert (tmp_path / f"iter_{first}.pth").is_file()
    last = f"iter_{second or 2 * interval}.pth"
    assert find_last_checkpoint(tmp_path).name == last
    runner = _runner(tmp_path, 8, **options)
    runner._resume = True
    runner.train()
    assert _checkpoints(tmp_path) == {"iter_8.pth", "last_checkpoint"}


def test_a_kill_at_the_last_removal_is_made_up_for(tmp_path, monkeypatch):
    """The resumed training is at its end and saves nothing any more."""
    options = dict(max_keep_ckpts=1)

    def die(hook: AtomicCheckpointHook) -> None:
        if hook.last_ckpt.endswith("iter_4.pth"):
            raise KeyboardInterrupt
        remove(hook)

    remove = AtomicCheckpointHook._remove_outdated
    with monkeypatch.context() as patched:
        patched.setattr(AtomicCheckpointHook, "_remove_outdated", die)
        with pytest.raises(KeyboardInterrupt):
            _runner(tmp_path, 4, **options).train()
    whole = {"iter_4.pth", "last_checkpoint"}
    assert _checkpoints(tmp_path) == {*whole, "iter_2.pth"}
    (tmp_path / "iter_1.pth").write_bytes(b"somebody's own")
    runner = _runner(tmp_path, 4, **options)
    runner._resume = True
    runner.train()
    assert _checkpoints(tmp_path) == {*whole, "iter_1.pth"}


def test_a_best_score_between_two_checkpoints_pushes_out_none(tmp_path):
    runner = _runner(tmp_path, 4, save_best="mIoU", max_keep_ckpts=2)
    runner.train()
    hook = next(h for h in runner.hooks if isinstance(h, AtomicCheckpointHook))
    for step, score in ((5, 10.0), (7, 20.0)):
        runner.train_loop._iter = step
        hook.after_val_epoch(runner, dict(mIoU=score))
    assert {name for name in _checkpoints(tmp_path) if name.startswith("iter")} == {
        "iter_2.pth", "iter_4.pth", "iter_7.pth",
    }  # fmt: skip


def test_failing_save_keeps_the_previous_checkpoint(tmp_path, monkeypatch):
    runner = _runner(tmp_path, 4, max_keep_ckpts=1)
    synchronise, written = os.fsync, []

    def fill_disk_after_first(descriptor: int) -> None:
        written.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        if any("iter_4" in name for name in written):
            raise OSError(errno.ENOSPC, "No space left on device")
        synchronise(descriptor)

    monkeypatch.setattr(atomic_io.os, "fsync", fill_disk_after_first)
    with pytest.raises(OSError, match=r"iter_4\.pth: No space left on device"):
        runner.train()
    assert _checkpoints(tmp_path) == {"iter_2.pth", "last_checkpoint"}
    pointed = (tmp_path / "last_checkpoint").read_text()
    assert load_checkpoint_file(pointed)["meta"]["iter"] == 2


def test_best_checkpoint_is_replaced_after_the_new_one_is_whole(tmp_path, monkeypatch):
    runner = _runner(tmp_path, 2, save_best="mIoU", max_keep_ckpts=1)
    runner.train()
    hook = next(h for h in runner.hooks if isinstance(h, AtomicCheckpointHook))
    hook.after_val_epoch(runner, dict(mIoU=10.0))
    first = tmp_path / "best_mIoU_iter_2.pth"
    assert first.is_file()

    runner.train_loop._iter = 3
    with monkeypatch.context() as patched:

        def fail(*args):
            raise OSError(errno.ENOSPC, "No space left on device")

        patched.setattr(atomic_io.os, "replace", fail)
        with pytest.raises(OSError, match="best_mIoU_iter_3"):
            hook.after_val_epoch(runner, dict(mIoU=20.0))
    assert first.is_file()

    hook.best_ckpt_path = str(first)
    hook.file_backend.outdated.clear()
    hook.after_val_epoch(runner, dict(mIoU=30.0))
    assert not first.exists()
    assert (tmp_path / "best_mIoU_iter_3.pth").is_file()


def test_same_best_twice_is_not_removed(tmp_path):
    runner = _runner(tmp_path, 2, save_best="mIoU")
    runner.train()
    hook = next(h for h in runner.hooks if isinstance(h, AtomicCheckpointHook))
    for score in (10.0, 20.0):
        hook.after_val_epoch(runner, dict(mIoU=score))
    assert (tmp_path / "best_mIoU_iter_2.pth").is_file()


def test_a_score_that_no_validation_has_stops_no_training(tmp_path, caplog):
    runner = _runner(tmp_path, 2, save_best=["mIoU", "mIuO"], rule="greater")
    runner.train()
    hook = next(h for h in runner.hooks if isinstance(h, AtomicCheckpointHook))
    runner.logger.addHandler(caplog.handler)
    runner.logger.setLevel("WARNING")
    hook.after_val_epoch(runner, dict(mIoU=10.0, aAcc=3.0))
    assert "no validation measures mIuO" in caplog.text
    assert "it measures aAcc, mIoU" in caplog.text
    assert not list(tmp_path.glob("best_*"))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused_before_the_first_step(tmp_path, make):
    """Where a checkpoint will be, and nowhere else."""
    for name in ("iter_3.pth", "iter_6.pth", "iter_2.pth.old"):
        make(tmp_path / name)
    _runner(tmp_path, 4).train()
    assert (tmp_path / "iter_4.pth").is_file()
    (tmp_path / "last_checkpoint").unlink()
    for steps, name in ((7, "iter_6.pth"), (3, "iter_3.pth")):
        runner = _runner(tmp_path, steps)
        with pytest.raises(WriteError, match=f"cannot write .*{name}: it is a"):
            runner.train()
        assert runner.iter == 0


def test_leftovers_of_a_killed_process_go(tmp_path):
    leftover = tmp_path / f"{atomic_io.TEMPORARY_PREFIX}iter_2.pth-x"
    leftover.touch()
    _runner(tmp_path, 2).train()
    assert not leftover.exists()


def test_file_size_limit_of_the_system(tmp_path):
    """A write that really fails: in a child that may write no more than 10 kB."""
    path = tmp_path / "iter_2.pth"
    path.write_bytes(b"previous")
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            atomic_io.atomic_write(path, b"x" * 100_000)
        except OSError as error:
            os._exit(7 if "iter_2.pth: File too large" in str(error) else 8)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert path.read_bytes() == b"previous"
    assert os.listdir(tmp_path) == ["iter_2.pth"]


def test_epochs_that_end_while_gradients_accumulate_are_refused(tmp_path):
    runner = _runner(tmp_path, 4)
    runner.optim_wrapper = dict(
        optimizer=dict(type="SGD", lr=0.1), accumulative_counts=3
    )
    hook = next(h for h in runner.hooks if isinstance(h, AtomicCheckpointHook))
    hook.by_epoch = True
    with pytest.raises(ValueError, match="8 iterations an epoch are no multiple"):
        runner.train()


def test_random_numbers_go_on_after_a_resume(tmp_path):
    drawn: list[float] = []

    class _Dropout(_Model):
        def forward(self, inputs: Tensor, mode: str = "tensor") -> dict | Tensor:
            drawn.append(torch.rand(()).item())
            return super().forward(inputs, mode)

    def train(folder: str, iterations: int, resume: bool) -> list[float]:
        drawn.clear()
        runner = _runner(tmp_path / folder, iterations, max_keep_ckpts=3)
        runner.model = _Dropout()
        runner._resume = resume
        runner.train()
        return drawn.copy()

    whole = train("whole", 6, resume=False)
    parts = train("parts", 4, resume=False)
    assert parts + train("parts", 6, resume=True) == whole


def test_validation_draws_for_itself(tmp_path):
    runner = _runner(tmp_path, 2)
    hook = next(h for h in runner.hooks if isinstance(h, AtomicCheckpointHook))
    expected = torch.get_rng_state()
    hook.before_val(runner)
    torch.rand(3)
    hook.after_val(runner)
    assert torch.equal(torch.get_rng_state(), expected)
