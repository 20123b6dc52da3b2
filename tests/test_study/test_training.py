"""A training of a study in a process of its own, which a stub stands in for."""

from __future__ import annotations

import copy
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from processes import fork, wait
from tiny_study import stub_command, write_log

from mmseg_semisup.core.distributed import LOCK_NAME
from mmseg_semisup.core.errors import ConfigError, WriteError
from mmseg_semisup.core.machine import describe_machine
from mmseg_semisup.study.result import make_result
from mmseg_semisup.study.slurm import load_training, run_task
from mmseg_semisup.study.state import State
from mmseg_semisup.study.training import (
    Training,
    train_command,
    training_environment,
)

from .conftest import COMMIT, make_cell


@pytest.fixture
def make(stub, tmp_path):
    """Makes a training of the stub."""

    def training(name: str = "a_seed0", **changes) -> Training:
        made = Training(stub.cell(name, **changes), tmp_path, stub.command)
        made.prepare()
        return made

    return training


def finish(training: Training) -> Training:
    training.start()
    training.poll(wait=True)
    return training


def test_a_finished_training_has_a_result(make, tmp_path):
    training = finish(make(score=40.0))
    assert training.status == "finished"
    result = training.state.result
    student = result["networks"]["student"]
    assert student["last"] == 40.0
    assert (student["best"], student["best_at"]) == (45.0, 10)
    assert student["curve"] == {"10": 45.0, "20": 40.0}
    assert student["classes"] == {"cat": 40.0}
    assert result["seconds"] == 10.0
    assert (result["method"], result["seed"], result["masks"]) == ("a", 0, 5)
    assert result["versions"]["torch"]
    assert result["commit"] == COMMIT
    assert result["machine"] == describe_machine()
    assert result["device"] == "CPU"
    if hasattr(os, "wait4"):
        assert result["cpu_seconds"] is not None
        assert 1 < result["memory_mb"] < 5000
    again = Training(training.cell, tmp_path)
    assert again.finished
    assert again.state.result == result
    assert again.changes() == []


def test_a_failed_training_says_why(make):
    training = finish(make(fails=3))
    assert training.status == "failed"
    assert training.problem.startswith("ended with code 3: error: it went wrong (")
    assert training.state.attempts[-1]["code"] == 3


def test_a_training_without_a_last_validation_has_failed(make):
    training = finish(make(silent=True))
    assert training.status == "failed"
    assert "there is no mIoU of the student after iteration 20" in training.problem


def test_a_stopped_training_goes_on(make):
    training = make(waits=0.2)
    training.start()
    while training.log().iteration < 2:
        time.sleep(0.01)
    training.stop()
    training.join()
    done = training.log().iteration
    assert 2 <= done < 20
    assert training.status == "failed"
    assert training.problem == "was stopped by a signal"
    training.cell.cfg.waits = 0
    training.prepare()
    finish(training)
    assert training.finished
    assert training.first_iteration == done
    assert training.state.result["starts"] == 2
    assert training.state.result["seconds"] == 10.0


def test_another_config_is_named(make, tmp_path):
    training = finish(make())
    training.cell.cfg.model.type = "Y"
    again = Training(training.cell, tmp_path)
    assert again.changes() == ['model.type: "X" -> "Y"']
    assert again.describe_changes() == (
        'cell a_seed0 was finished with another config: model.type: "X" -> "Y"'
    )


def test_a_forgotten_training_begins_anew(make):
    training = finish(make())
    training.forget()
    assert not training.folder.exists()
    assert training.status == "waiting"
    assert training.changes() == []


def test_what_cannot_be_removed_is_named(make, monkeypatch):
    training = finish(make())

    def refuse(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(ConfigError, match="a_seed0 cannot be removed: .*Permission"):
        training.forget()
    assert training.finished
    assert training.state.path.exists()


def test_the_output_is_written_into_a_file_of_its_own(make, tmp_path):
    """Neither through a link, nor into a pipe that nobody reads."""
    victim = tmp_path / "thesis.txt"
    victim.write_text("thesis")
    training = make(fails=3)
    training.folder.mkdir()
    output = training.folder / "output.txt"
    output.symlink_to(victim)
    finish(training)
    assert victim.read_text() == "thesis"
    assert output.read_text().startswith("started")
    output.unlink()
    os.mkfifo(output)
    with pytest.raises(WriteError, match="output.txt: it is a pipe, not a file"):
        training.start()


def test_a_log_that_is_no_file_is_passed_over(make, tmp_path):
    training = make()
    scalars = training.folder / "run" / "vis_data" / "scalars.json"
    scalars.parent.mkdir(parents=True)
    os.mkfifo(scalars)
    finish(training)
    assert training.finished


def test_another_process_in_the_folder_is_noticed(make, tmp_path):
    training = make()
    assert not training.at_work_elsewhere()
    code = (
        "import fcntl, sys\nfile = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\nprint('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-S", "-c", code, str(training.folder / LOCK_NAME)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout.readline()
    assert training.at_work_elsewhere()
    other.communicate()
    assert not training.at_work_elsewhere()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a parent's death")
def test_a_training_saves_when_its_study_is_killed(make, tmp_path):
    training = make(waits=0.2)

    def study() -> None:
        training.start()
        time.sleep(60)

    child = fork(study)
    while training.log().iteration < 1:
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    assert wait(child) == -signal.SIGKILL
    limit = time.monotonic() + 30
    done = 0
    while time.monotonic() < limit and training.log().iteration != done:
        done = training.log().iteration
        time.sleep(0.5)
    assert done < 20


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1, "cell": {}, "attempts": 3}']
)
def test_a_broken_record_is_named(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="a.json is no record of a study's training"):
        State(path)


CHANGES = [
    (("cell", "masks"), "5", "cell.masks is '5', and not an integer"),
    (("cell", "stages"), None, "cell.stages is None"),
    (("cell", "name"), "b_seed0", "cell.name is 'b_seed0', and not 'a_seed0'"),
    (("attempts", 0, "cpu_seconds"), "5", "cpu_seconds is '5'"),
    (("attempts", 0, "problem"), ["x"], r"problem is \['x'\]"),
    (("result",), {}, "result.cell is missing"),
    (("result",), 5, "result is 5, and not an object"),
    (("result", "cell"), "b_seed0", "result.cell is 'b_seed0', and not 'a_seed0'"),
    (("result", "predicts"), "teacher", "result.predicts is 'teacher', of which"),
    (("result", "networks", "student"), {}, "result.networks.student.last is missing"),
    (("result", "seconds"), float("nan"), "result.seconds is nan"),
    (("result", "selection"), {"thresholds": 1}, "result.selection.thresholds is 1"),
]


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> dict:
    """The record of a finished training."""
    training = Training(make_cell(), tmp_path_factory.mktemp("cells"), stub_command)
    training.prepare()
    finish(training)
    return json.loads(training.state.path.read_text())


@pytest.mark.parametrize(("keys", "value", "message"), CHANGES)
def test_a_changed_record_is_named(tmp_path, record, keys, value, message):
    changed = copy.deepcopy(record)
    node = changed
    for key in keys[:-1]:
        node = node[key]
    path = tmp_path / "a_seed0.json"
    path.write_text(json.dumps(changed))
    assert State(path).result == record["result"]
    node[keys[-1]] = value
    path.write_text(json.dumps(changed))
    with pytest.raises(ConfigError, match=f"a_seed0.json is no record.*{message}") as e:
        State(path)
    assert "\n" not in str(e.value)


def test_another_version_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"version": 7}')
    with pytest.raises(ConfigError, match="its version is 7, and 1 is allowed"):
        State(path)


def test_the_command_is_that_of_a_user(tmp_path):
    command = train_command(tmp_path / "a.py", tmp_path / "a")
    assert command[-5:] == [
        "train",
        str(tmp_path / "a.py"),
        "--work-dir",
        str(tmp_path / "a"),
        "--resume",
    ]
    assert training_environment(1, "3")["CUDA_VISIBLE_DEVICES"] == "3"
    assert training_environment(2)["OMP_NUM_THREADS"] == "2"


def test_a_result_of_a_gpu_has_its_memory_and_its_steps_as_time(stub, tmp_path):
    entry = dict(loss=1, time=1.0, iter=20, memory=700)
    write_log(tmp_path, "1", entry, {"mIoU": 30.0000001, "step": 20})
    attempts = [dict(cpu_seconds=5.0, memory_mb=90, commit="a"), dict(commit="b")]
    result = make_result(stub.cell(), tmp_path, attempts)
    assert (result["device"], result["memory_mb"]) == ("GPU", 700)
    assert (result["cpu_seconds"], result["seconds"]) == (None, 20.0)
    assert result["commit"] == "a, b"
    assert result["networks"]["student"]["last"] == 30.0


def test_a_written_training_is_read_again(make, tmp_path):
    (tmp_path / "cells").mkdir()
    cell = make().cell
    Training(cell, tmp_path / "cells").prepare()
    loaded = load_training(tmp_path, "a_seed0")
    assert loaded.cell.to_plain() == cell.to_plain()
    assert loaded.changes() == []
    with pytest.raises(ConfigError, match="has no cell 'b_seed0'"):
        load_training(tmp_path, "b_seed0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "array.json is no list of tasks: the whole is"),
        ('{"job": "1", "cells": []}', "array.json has 0 tasks, and no task 0"),
        ('{"job": null, "cells": ["../a"]}', "is '../a', and no cell's name"),
        ('{"job": null, "cells": [5]}', "is 5, and not a text"),
    ],
)
def test_a_list_of_tasks_that_is_none(tmp_path, text, message):
    (tmp_path / "array.json").write_text(text)
    with pytest.raises(ConfigError, match=message):
        run_task(tmp_path, 0)
