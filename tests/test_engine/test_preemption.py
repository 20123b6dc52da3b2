"""Signals that ask a training to leave: where they come, and what they leave behind."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner
from processes import TOOLS, fork, in_child, in_two_processes
from resume_helpers import (
    STEPS,
    assert_same,
    distribute,
    final,
    quick,
    tiny_config,
    trace,
    train,
)
from tiny_training import write_stages

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.engine.preemption import (
    ECHO_S,
    GRACE_S,
    INTERRUPT_CODE,
    REQUEUE_CODE,
    PreemptedError,
    StopRequests,
    requests,
)
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.pseudo_masks import writer

METHOD = "mean_teacher"


@pytest.fixture
def listener():
    """One of its own, which this process obeys for a while."""
    listener = StopRequests()
    assert listener.install()
    yield listener
    listener.uninstall()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_at_once_unless_it_is_deferred(listener, number):
    with pytest.raises(PreemptedError, match="75") as stopped:
        os.kill(os.getpid(), number)
    assert stopped.value.message.startswith(signal.Signals(number).name)
    listener.deferred = True
    os.kill(os.getpid(), number)
    assert listener.number == number


def test_the_second_interrupt_ends_at_once(listener, capfd):
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    listener.deferred = True
    for _ in range(2):
        # A launcher sends it again; that is not the user's second.
        os.kill(os.getpid(), signal.SIGINT)
    assert listener.number == signal.SIGINT
    assert "once more ends at once" in capfd.readouterr().err
    listener._interrupted_at -= ECHO_S
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_put_back():
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    with requests.listening():
        assert signal.getsignal(signal.SIGTERM) == requests._receive
        with requests.listening():
            pass
        assert signal.getsignal(signal.SIGTERM) == requests._receive
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_child_that_is_no_worker_ends_as_usual(listener):
    listener.deferred = True
    child = fork(lambda: time.sleep(60))
    # What comes while a process forks is lost.
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        os.kill(child, signal.SIGTERM)
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == -signal.SIGTERM


def test_a_tool_that_is_stopped_early(capfd):
    def tool() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    assert in_child(lambda: run_tool(tool)) == REQUEUE_CODE
    assert "SIGTERM: stopped" in capfd.readouterr().err


STOPPED = """
import atexit, os, signal, sys, time
from mmseg_semisup.cli.launch import run_tool

def end_slowly():
    print("ending", flush=True)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        time.sleep(0.05)

def tool():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    finally:
        print("cleaning up", flush=True)
        time.sleep(1)

atexit.register(end_slowly)
run_tool(tool if sys.argv[1] == "stopped" else lambda: None)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "beginning", "code"),
    [("stopped", "cleaning up", REQUEUE_CODE), ("finished", "ending", 0)],
)
def test_signals_that_follow_do_not_change_the_code(way, beginning, code):
    """Slurm and impatient scripts send several, while Python ends its workers."""
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, way],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == beginning
    sent = 0
    while process.poll() is None and sent < 400:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            process.send_signal(number)
        sent += 1
        time.sleep(0.02)
    _, error = process.communicate()
    assert (process.returncode, sent > 20) == (code, True), error
    assert "Traceback" not in error
    assert error.count("SIGTERM: stopped") == (way == "stopped")


def test_a_signal_during_the_clean_up_is_a_copy(listener, monkeypatch):
    with pytest.raises(PreemptedError):
        os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGUSR1)
    # Somebody who caught the first one can be stopped again.
    monkeypatch.setattr(listener, "_stopped_at", listener._stopped_at - GRACE_S)
    with pytest.raises(PreemptedError):
        os.kill(os.getpid(), signal.SIGTERM)


class SignalHook(Hook):
    """Sends this process a signal at a certain moment.

    Args:
        number: The signal.
        method: The hook's method.
        step: Iterations that are done then.
        send: How; to this process by default.
    """

    def __init__(
        self,
        number: int,
        method: str,
        step: int,
        send: Callable[[int], None] = lambda number: os.kill(os.getpid(), number),
    ) -> None:
        self.number, self.step, self.send = number, step, send
        setattr(self, method, self._fire)

    def _fire(self, runner: Runner, *args: object, **kwargs: object) -> None:
        if runner.iter == self.step and self.number:
            number, self.number = self.number, 0
            self.send(number)


class SlowSave:
    """Sends a signal while a file of the checkpoint is written."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        self.synchronise = os.fsync
        atomic_io.os.fsync = self._fsync

    def __exit__(self, *_: object) -> None:
        atomic_io.os.fsync = self.synchronise

    def _fsync(self, descriptor: int) -> None:
        self.synchronise(descriptor)
        if "iter_2.pth" in os.readlink(f"/proc/self/fd/{descriptor}"):
            os.kill(os.getpid(), self.number)


def saved(work_dir: Path) -> list[str]:
    return sorted(path.name for path in work_dir.glob("iter_*.pth"))


@pytest.fixture(scope="module")
def whole(tiny_images, tmp_path_factory) -> Path:
    """A training that nobody disturbed."""
    work_dir = tmp_path_factory.mktemp("undisturbed") / "whole"
    cfg = tiny_config(METHOD, tiny_images, work_dir)
    assert in_child(lambda: train(cfg, resume=False)) == 0
    return work_dir


MOMENTS = {
    "step": (signal.SIGTERM, "before_train_iter", 2, "iter_3.pth"),
    "validation": (signal.SIGUSR1, "before_val_iter", 2, "iter_2.pth"),
    "saving": (signal.SIGTERM, None, 2, "iter_2.pth"),
    "interrupt": (signal.SIGINT, "before_train_iter", 0, "iter_1.pth"),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_training_leaves_within_a_step(tiny_images, whole, tmp_path, moment, capfd):
    number, method, step, name = MOMENTS[moment]
    work_dir = tmp_path / "work"
    # With workers, and the signal goes to them, too, as slurm and terminals do it.
    changes = {"train_dataloader.num_workers": 2 if moment == "step" else 0}
    cfg = tiny_config(METHOD, tiny_images, work_dir, **changes)

    def stopped() -> None:
        os.setpgid(0, 0)

        def send(number: int) -> None:
            # Another process does it: a worker obeys the one that started it.
            sender = fork(lambda: os.killpg(0, number))
            os.waitpid(sender, 0)
            time.sleep(0.2)

        hooks = [SignalHook(number, method, step, send)] if method else []
        if method:
            run_tool(lambda: train(cfg, False, hooks=hooks))
        else:
            with SlowSave(number):
                run_tool(lambda: train(cfg, False))

    interrupted = number == signal.SIGINT
    code = INTERRUPT_CODE if interrupted else REQUEUE_CODE
    assert in_child(stopped) == code
    scheduled = ["iter_2.pth"] if name == "iter_3.pth" else []
    assert saved(work_dir) == [*scheduled, name]
    said = capfd.readouterr().err
    assert f"{number.name}: stopped after iteration {name[5]}, with its" in said
    cfg = tiny_config(METHOD, tiny_images, work_dir)
    assert in_child(lambda: train(cfg, resume=True)) == 0
    assert saved(work_dir) == [f"iter_{STEPS}.pth"]
    assert_same(final(work_dir), final(whole))
    assert trace(work_dir) == trace(whole)


@pytest.mark.slow
def test_a_training_that_goes_on_elsewhere_leaves_its_first_checkpoint_there(
    tiny_images,
    whole,
    tmp_path,
    capfd,
):
    """It is told to leave in the validation that it repeats, before its first step."""
    first, second = tmp_path / "first", tmp_path / "second"
    hook = SignalHook(signal.SIGTERM, "before_val_iter", 2)
    told = in_child(
        lambda: run_tool(
            lambda: train(tiny_config(METHOD, tiny_images, first), False, hooks=[hook])
        )
    )
    assert (told, saved(first)) == (REQUEUE_CODE, ["iter_2.pth"])
    old = (first / "iter_2.pth").rename(tmp_path / "old.pth")

    def elsewhere() -> None:
        quick()
        cfg = tiny_config(METHOD, tiny_images, second)
        cfg.update(resume=True, load_from=str(old))
        runner = build_runner(cfg, strict=True)
        runner.register_hook(hook)
        runner.train()

    assert in_child(lambda: run_tool(elsewhere)) == REQUEUE_CODE
    said = capfd.readouterr().err
    assert said.count("after iteration 2, with its checkpoint iter_2.pth") == 2
    assert saved(second) == ["iter_2.pth"]
    cfg = tiny_config(METHOD, tiny_images, second)
    assert in_child(lambda: train(cfg, resume=True)) == 0
    assert_same(final(second), final(whole))


def train_part(
    rank: int, images: Path, work_dir: Path, resume: bool, *moment: object
) -> int:
    """One of two processes, of which the second is told; returns its exit code."""
    cfg = distribute(tiny_config(METHOD, images, work_dir))
    hooks = [SignalHook(*moment)] if rank else []
    try:
        run_tool(lambda: train(cfg, resume, hooks=hooks))
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.mark.slow
def test_all_processes_leave_together(tiny_images, tmp_path):
    """Only the second process is told, in a step and in a validation."""
    work_dir = tmp_path / "work"

    def together(*arguments: object) -> list[int]:
        return in_two_processes(train_part, tiny_images, work_dir, *arguments)

    told = together(False, signal.SIGTERM, "before_train_iter", 0)
    assert (told, saved(work_dir)) == ([REQUEUE_CODE] * 2, ["iter_1.pth"])
    told = together(True, signal.SIGUSR1, "before_val_iter", 2)
    assert (told, saved(work_dir)) == ([REQUEUE_CODE] * 2, ["iter_2.pth"])
    assert together(True, 0, "before_run", 0) == [0, 0]
    assert [trace(work_dir, rank).keys() for rank in range(2)] == [{0, 1, 2, 3}] * 2


@pytest.mark.slow
def test_stages_go_on_after_a_signal(tmp_path):
    """In the training of a stage, at its end, and between two masks of the next one."""
    config, work_dir = write_stages(tmp_path), tmp_path / "work"
    moments = {"training": ("before_train_iter", 2), "end": ("after_train", 4)}

    def tool(stage: str, *hooks: Hook) -> None:
        quick()
        spec = importlib.util.spec_from_file_location("train", TOOLS / "train.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.argv = ["train.py", str(config), "--work-dir", str(work_dir)]
        if stage in moments:
            before = Runner.train
            hook = SignalHook(signal.SIGTERM, *moments[stage])
            Runner.train = lambda self: self.register_hook(hook) or before(self)
        elif stage == "masks":
            before = writer.atomic_write

            def write(path: Path, content: bytes) -> None:
                before(path, content)
                if Path(path).suffix == ".png":
                    os.kill(os.getpid(), signal.SIGTERM)
                    time.sleep(0.2)

            writer.atomic_write = write
        run_tool(module.main)

    def stages() -> dict[str, bool]:
        content = json.loads((work_dir / "stages.json").read_text())["stages"]
        return {name: bool(stage.get("finished")) for name, stage in content.items()}

    assert in_child(lambda: tool("training")) == REQUEUE_CODE
    assert saved(work_dir / "first") == ["iter_2.pth", "iter_3.pth"]
    assert in_child(lambda: tool("end")) == REQUEUE_CODE
    assert stages() == {"first": True}
    assert in_child(lambda: tool("masks")) == REQUEUE_CODE
    assert stages() == {"first": True, "second": False}
    masks = work_dir / "second" / "pseudo_masks" / "masks"
    assert 0 < len(list(masks.glob("*.png"))) < 6
    assert in_child(lambda: tool("")) == 0
    assert stages() == {"first": True, "second": True, "third": True}
    assert load_checkpoint_file(work_dir / "third" / f"iter_{STEPS}.pth")
