"""Runs a study as an array of slurm jobs, each with one training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.config_file import read_file
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.records import RecordError, read_record
from mmseg_semisup.engine.preemption import REQUEUE_CODE

from .board import Board
from .cells import Cell
from .plan import NAME
from .run import CELLS
from .state import State
from .training import STOPPED, Training

ARRAY = "array.json"
FORM = {"job": (str, None), "cells": [str]}
VARIABLE = "STUDY_FOLDER"
"""Tells ``tools/slurm_job.sh`` to run a training of a study."""
INTERVAL_S = 2.0


def submit(
    folder: Path, trainings: Sequence[Training], partition: str, jobs: int, tools: Path
) -> str:
    """Submit the trainings that are not finished, unless they are submitted already.

    Args:
        folder: Work-dir of the study.
        trainings: The trainings, whose files are written.
        partition: Slurm's partition.
        jobs: Trainings at a time.
        tools: Folder of the tools.

    Returns:
        Number of the array's job.

    Raises:
        ConfigError: If slurm refuses, or is not there.
    """
    job = _submitted(folder)
    if job is not None:
        return job
    names = [training.name for training in trainings if not training.finished]
    gpus = os.environ.get("GPUS", "1")
    resources = [f"--gres=gpu:{gpus}"] if gpus != "0" else []
    command = [
        *(
            "sbatch",
            "--parsable",
            f"--partition={partition}",
            f"--job-name={folder.name}",
        ),
        *(f"--array=0-{len(names) - 1}%{jobs}", "--ntasks=1", "--requeue"),
        f"--cpus-per-task={os.environ.get('CPUS_PER_TASK', '2')}",
        *("--signal=USR1@180", "--open-mode=append"),
        f"--output={folder.resolve() / '%x-%A_%a.out'}",
        *resources,
        *os.environ.get("SBATCH_ARGS", "").split(),
        *(str(tools / "slurm_job.sh"), str(tools)),
    ]
    variables = {VARIABLE: str(folder.resolve())}
    package = str(tools.parent)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
    # The tasks read the list when they begin, which may be at once.
    note = folder / ARRAY
    atomic_write(note, json.dumps({"job": None, "cells": names}).encode())
    try:
        done = subprocess.run(  # noqa: S603, the arguments are our own
            command,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **variables, "PYTHONPATH": path},
        )
    except FileNotFoundError as error:
        raise ConfigError("--slurm: there is no sbatch on this machine") from error
    except subprocess.CalledProcessError as error:
        raise ConfigError(f"--slurm: {error.stderr.strip()}") from error
    job = done.stdout.strip().partition(";")[0]
    atomic_write(note, json.dumps({"job": job, "cells": names}).encode())
    return job


def _submitted(folder: Path) -> str | None:
    """The array that is in slurm's queue already, or None."""
    try:
        job = read_record(folder / ARRAY, FORM)["job"]
    except RecordError:
        return None
    return str(job) if job and is_queued(job) else None


def is_queued(job: str) -> bool:
    """Whether slurm still has tasks of a job to run."""
    command = ["squeue", "--noheader", f"--jobs={job}"]
    try:
        done = subprocess.run(  # noqa: S603, the arguments are our own
            command, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ConfigError("--slurm: there is no squeue on this machine") from error
    return bool(done.stdout.strip())


def watch(job: str, trainings: Sequence[Training], board: Board) -> None:
    """Show the trainings until slurm has none of them any more.

    Args:
        job: Number of the array.
        trainings: Its trainings.
        board: Shows them.
    """
    while True:
        queued = is_queued(job)
        for training in trainings:
            before = training.status
            if before == "finished":
                continue
            training.refresh(ended=not queued)
            if before != "running" and training.status == "running":
                board.began(training)
            if training.status in ("finished", "failed") and training.status != before:
                board.ended(training)
        if not queued:
            return
        board.show()
        time.sleep(INTERVAL_S)


def load_training(folder: Path, name: str) -> Training:
    """A training whose files are written.

    Args:
        folder: Work-dir of the study.
        name: Name of the training.

    Raises:
        ConfigError: If it has no record, or that cannot be read.
    """
    cells = folder / CELLS
    state = State(cells / f"{name}.json")
    if not state.cell:
        raise ConfigError(f"{folder} has no cell {name!r}")
    cfg = read_file(cells / f"{name}.py")
    return Training(Cell.from_plain(state.cell, cfg), cells)


def run_task(folder: Path, index: int) -> int:
    """Run a training of an array.

    Args:
        folder: Work-dir of the study.
        index: Number of the task.

    Returns:
        Exit code: 0, 1 after a failure, or the one that asks for a restart.

    Raises:
        ConfigError: If the list of the tasks cannot be read, or has no such task.
    """
    path = folder / ARRAY
    try:
        names = read_record(path, FORM)["cells"]
    except RecordError as error:
        raise ConfigError(f"{path} is no list of tasks: {error}") from error
    if not 0 <= index < len(names):
        raise ConfigError(f"{path} has {len(names)} tasks, and no task {index}")
    name = names[index]
    if not NAME.fullmatch(name):
        raise ConfigError(f"{path}: cells[{index}] is {name!r:.60}, and no cell's name")
    training = load_training(folder, name)
    if training.finished:
        return 0
    training.start(threads=int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        training.poll(wait=True)
    finally:
        training.stop()
        training.join()
    if training.finished:
        return 0
    print(f"cell {name} {training.problem}", file=sys.stderr, flush=True)
    stopped = training.state.attempts[-1]["code"] in STOPPED
    return REQUEUE_CODE if stopped else 1
