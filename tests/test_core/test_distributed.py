"""Locks of folders, and errors that all processes get."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from processes import in_two_processes

from mmseg_semisup.core import distributed
from mmseg_semisup.core.checkpoint import load_checkpoint_url
from mmseg_semisup.core.distributed import LOCK_NAME, locked, on_main, stop_together
from mmseg_semisup.core.errors import ConfigError, WriteError
from mmseg_semisup.engine.hooks import DataCheckHook, data_check_hook

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.write('{"pid": 7, "host": "here", "since": "noon"}')
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_in_which_another_process_works(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / LOCK_NAME)]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        message = r"another run is at work in .* \(process 7 on here, since noon\)"
        with pytest.raises(ConfigError, match=message), locked(tmp_path):
            pass
        other.communicate()
    with locked(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / LOCK_NAME).read_text()


def failing(number: int):
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.EACCES, errno.EAGAIN])
def test_what_a_held_lock_says(tmp_path, monkeypatch, number):
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with pytest.raises(ConfigError, match="another run is at work"), locked(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_is_warned_of(
    tmp_path, monkeypatch, capsys, number
):
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with locked(tmp_path):
        said = capsys.readouterr().err
    assert f"{tmp_path} cannot be locked ({os.strerror(number)})" in said


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / LOCK_NAME).mkdir()
    message = rf"cannot write .*{LOCK_NAME}, .*: Is a directory"
    with pytest.raises(WriteError, match=message), locked(tmp_path):
        pass


def test_a_lock_file_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "_sign", failing(errno.ENOSPC))
    message = rf"cannot write .*{LOCK_NAME}, .*: No space left"
    with pytest.raises(WriteError, match=message), locked(tmp_path):
        pass
    monkeypatch.undo()
    with locked(tmp_path):
        pass


def test_a_link_in_place_of_the_lock_is_refused(tmp_path):
    other = tmp_path / "thesis.txt"
    other.write_text("thesis")
    (tmp_path / LOCK_NAME).symlink_to(other)
    with pytest.raises(WriteError, match="it is a link"), locked(tmp_path):
        pass
    assert other.read_text() == "thesis"
    (tmp_path / LOCK_NAME).unlink()
    os.link(other, tmp_path / LOCK_NAME)
    with pytest.raises(WriteError, match="has another name, too"), locked(tmp_path):
        pass
    assert other.read_text() == "thesis"


KILLED = """
import os, sys, time
from mmseg_semisup.core.distributed import locked
with locked(sys.argv[1]):
    if not os.fork():
        # Before this line, the worker has not yet let go of its copy of the lock.
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_run_and_its_orphaned_workers_hold_nothing(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as run:
        worker = int(run.stdout.readline())
        try:
            with pytest.raises(ConfigError, match=f"process {run.pid} on"):
                locked(tmp_path).__enter__()
            run.kill()
            run.wait()
            os.kill(worker, 0)
            with locked(tmp_path):
                pass
        finally:
            os.kill(worker, signal.SIGKILL)


def failing_check(*_: object, **__: object) -> None:
    raise RuntimeError("a process of the full data check died")


def mistakes(rank: int, hub: Path) -> dict[str, tuple[str, str]]:
    """What each process gets of errors that one of two processes meets."""
    data_check_hook.check_data = failing_check
    torch.hub.get_dir = lambda: str(hub)
    error: Exception | None = None
    if rank:
        try:
            json.loads("{")
        except ValueError as failure:
            error = failure
    runner = SimpleNamespace(cfg={}, logger=SimpleNamespace(info=print))
    attempts = {
        "main": lambda: on_main(lambda: b"\xff".decode()),
        "second": lambda: stop_together(error),
        "check": lambda: DataCheckHook().before_train(runner),
        "download": lambda: load_checkpoint_url("file:///nowhere/model.pth"),
    }
    found = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except Exception as failure:
            found[name] = (type(failure).__name__, str(failure))
    return found


@pytest.mark.slow
def test_errors_of_one_process_reach_the_other(tmp_path):
    first, second = in_two_processes(mistakes, tmp_path / "hub")
    assert first.keys() == second.keys() == {"main", "second", "check", "download"}
    kinds = ("UnicodeDecodeError", "JSONDecodeError", "RuntimeError", "URLError")
    raised = (first["main"], second["second"], first["check"], first["download"])
    assert tuple(kind for kind, _ in raised) == kinds
    got = (second["main"], first["second"], second["check"], second["download"])
    for (kind, message), (other_kind, other_message) in zip(raised, got, strict=True):
        assert other_kind in (kind, "RuntimeError")
        assert message in other_message
        assert other_kind == kind or other_message.startswith(f"{kind}: ")


def test_a_lock_sweeps_what_a_killed_run_left(tmp_path, monkeypatch):
    names = ["stages.json", ".partial-stages.json-abc", "below/.partial-x"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{")
    with locked(tmp_path):
        assert not (tmp_path / names[1]).exists()
        # A tool that runs at the same time may be writing this one.
        (tmp_path / names[1]).touch()
        with pytest.raises(ConfigError, match="another run"), locked(tmp_path):
            pass
        assert (tmp_path / names[1]).exists()
    assert (tmp_path / names[0]).exists()
    assert (tmp_path / names[2]).exists()


OTHER_SYSTEM = """
import os, runpy, signal, sys
del signal.SIGUSR1, os.sched_getaffinity
sys.modules["fcntl"] = None
import mmseg_semisup
from mmseg_semisup.engine.preemption import SIGNALS, ProtectedWorker, requests
from mmseg_semisup.core.distributed import locked
assert SIGNALS == (signal.SIGTERM,)
ProtectedWorker(None)(0)
with requests.listening(), locked(sys.argv[1]):
    sys.argv[1:] = "--pixels 64 --negatives 64 --channels 8 --repeats 1".split()
    runpy.run_path("tools/benchmark_contrast.py", run_name="__main__")
"""


@pytest.mark.slow
def test_a_system_without_some_signals_locks_and_affinity(tmp_path):
    command = [sys.executable, "-c", OTHER_SYSTEM, str(tmp_path)]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    done = subprocess.run(command, cwd=ROOT, check=False, **pipes)
    assert done.stdout.startswith("64 pixels"), done.stderr
    assert "cannot be locked" in done.stderr
