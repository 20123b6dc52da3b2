"""Machines that fail under a training: processes that go, and file systems that lack.

Each ends the training with one line and exit code 1, or changes nothing.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import stat
import time
from pathlib import Path

import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.visualization import LocalVisBackend
from processes import Started, free_port
from tiny_training import weights
from torch.utils.data import get_worker_info

from mmseg_semisup.core import atomic_io
from mmseg_semisup.core.find_checkpoint import find_whole_checkpoint

pytestmark = pytest.mark.slow


def same_weights(one: Path, other: Path) -> bool:
    """Whether the last checkpoints of two work-dirs have equal weights."""
    first, second = (weights(work / "iter_4.pth") for work in (one, other))
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def whole(run_tool, training, tmp_path) -> Path:
    """The work-dir of a training that nothing disturbed."""
    run_tool("train.py", training, "--work-dir", tmp_path / "whole", "--no-dry-run")
    return tmp_path / "whole"


@pytest.mark.parametrize("loader", ["train_dataloader", "val_dataloader"])
def test_a_killed_worker(run_tool, training, tmp_path, whole, loader, monkeypatch):
    """The killer of processes when memory runs out sends SIGKILL."""
    work, marks, read = (
        tmp_path / "work",
        tmp_path / "marks",
        LoadImageFromFile.transform,
    )

    def killed(self: LoadImageFromFile, results: dict) -> dict:
        with marks.open("a") as file:
            file.write("x")
        if get_worker_info() is not None and marks.stat().st_size > 12:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(self, results)

    options = ("--cfg-options", f"{loader}.num_workers=1")
    command = ("train.py", training, "--work-dir", work, "--resume", "--no-dry-run")
    with monkeypatch.context() as patch:
        patch.setattr(LoadImageFromFile, "transform", killed)
        with pytest.raises(SystemExit) as ended:
            run_tool(*command, *options)
    message = str(ended.value.code)
    assert message.startswith("error: a process that loads data ended (")
    assert "\n" not in message
    last = find_whole_checkpoint(work, pytest.fail)
    assert last == work / "iter_4.pth" or loader == "train_dataloader"
    run_tool(*command, *options)
    assert same_weights(work, whole)


def test_a_killed_process_of_two(training, tmp_path):
    """The other one ends, too."""
    work = tmp_path / "work"
    group = dict(WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=free_port())
    options = ("train_cfg.max_iters=1000", "train_cfg.val_interval=1000")
    command = ("train.py", training, "--work-dir", work, "--launcher", "pytorch")
    first, second = (
        Started(
            *command, "--cfg-options", *options, RANK=rank, LOCAL_RANK=rank, **group
        )
        for rank in "01"
    )
    while not (work / "last_checkpoint").is_file():
        time.sleep(0.05)
        assert first.returncode is second.returncode is None
    second.send_signal(signal.SIGKILL)
    second.communicate(60)
    output = first.communicate(60)
    assert first.returncode == 1
    (error,) = (line for line in output.splitlines() if line.startswith("error: "))
    assert "another process of this training has ended" in error
    assert "Traceback" not in output
    assert find_whole_checkpoint(work, pytest.fail) is not None


def test_a_file_system_that_lacks_much(
    run_tool, training, tmp_path, whole, monkeypatch, capfd
):
    """No locks, no links, no modes, and folders that cannot be synchronised."""

    def failing(number: int, function=None):
        def fail(*arguments: object, **_: object) -> None:
            if function is None or stat.S_ISDIR(os.fstat(arguments[0]).st_mode):
                raise OSError(number, os.strerror(number))
            function(*arguments)

        return fail

    monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
    for name in ("link", "symlink", "chmod"):
        monkeypatch.setattr(os, name, failing(errno.EPERM))
    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL, os.fsync))
    work = tmp_path / "work"
    stop = ("--cfg-options", "train_cfg.max_iters=2")
    run_tool("train.py", training, "--work-dir", work, *stop)
    resume = ("--resume", "--accept-changes")
    run_tool("train.py", training, "--work-dir", work, *resume)
    assert same_weights(work, whole)
    assert capfd.readouterr().err.count("cannot be locked") == 2


def test_a_disk_that_becomes_read_only(
    run_tool, training, tmp_path, whole, monkeypatch, capfd
):
    """The logs say so once; the next checkpoint ends it, and nothing is lost."""
    work = tmp_path / "work"
    write = atomic_io.os.replace

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def emit(self: logging.FileHandler, record: logging.LogRecord) -> None:
        try:
            fail()
        except OSError:
            self.handleError(record)

    def last_write(source: str, target: str) -> None:
        write(source, target)
        if Path(target).name == "last_checkpoint":
            patch.setattr(atomic_io.tempfile, "mkstemp", fail)
            patch.setattr(logging.FileHandler, "emit", emit)
            patch.setattr(LocalVisBackend, "_dump", fail)

    command = ("train.py", training, "--work-dir", work, "--no-dry-run")
    with monkeypatch.context() as patch:
        patch.setattr(atomic_io.os, "replace", last_write)
        with pytest.raises(SystemExit) as ended:
            run_tool(*command)
    message = str(ended.value.code)
    assert message.startswith(f"error: cannot write {work / 'iter_4.pth'}: Read-only f")
    assert "\n" not in message
    told = capfd.readouterr().err
    assert told.count("cannot be written") == 1
    assert "Traceback" not in told
    assert find_whole_checkpoint(work, pytest.fail) == work / "iter_2.pth"
    run_tool(*command, "--resume")
    assert same_weights(work, whole)
