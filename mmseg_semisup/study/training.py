"""A training of a study as a process of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmseg_semisup.core.atomic_io import atomic_write, open_new
from mmseg_semisup.core.config import PACKAGE_FOLDER
from mmseg_semisup.core.distributed import locked
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.fingerprint import differences
from mmseg_semisup.core.machine import project_commit
from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.text import shorten
from mmseg_semisup.engine.preemption import INTERRUPT_CODE, REQUEUE_CODE
from mmseg_semisup.report.log import Log, read_log

from .cells import Cell, config_text
from .result import make_result
from .state import State

OUTPUT = "output.txt"
STOPPED = (REQUEUE_CODE, INTERRUPT_CODE, -signal.SIGTERM)
"""Exit codes of a training that a signal has stopped."""
KILL_AFTER_S = 300.0
"""Seconds that a training has to save and end."""
Command = Callable[[Path, Path], list[str]]


def train_command(config: Path, folder: Path) -> list[str]:
    """The command line of a training, which resumes if there is a checkpoint."""
    tool = [sys.executable, "-W", "ignore", "-m", "mmseg_semisup", "train"]
    return [*tool, str(config), "--work-dir", str(folder), "--resume"]


def training_environment(threads: int, gpu: str | None = None) -> dict[str, str]:
    """Environment variables of a training, which must import this package.

    Args:
        threads: Threads of the process.
        gpu: The GPU that it sees; None: those that this process sees.
    """
    path = [str(PACKAGE_FOLDER.parent), os.environ.get("PYTHONPATH", "")]
    chosen = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
    return {
        **os.environ,
        **chosen,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        # Threads that spin while they wait would occupy the core of another training.
        "OMP_WAIT_POLICY": "passive",
        "OMP_NUM_THREADS": str(threads),
    }


class Training:
    """A training, its files and its process.

    Args:
        cell: What is trained.
        folder: Folder of all trainings of the study.
        command: Makes the command line of config and work-dir; None:
            :func:`train_command`.

    Raises:
        ConfigError: If its record cannot be read.
    """

    def __init__(
        self, cell: Cell, folder: Path, command: Command | None = None
    ) -> None:
        self.cell = cell
        self.folder = folder / cell.name
        # Beside the folder, because the runner writes a copy of its own into it.
        self.config_path = folder / f"{cell.name}.py"
        self.state = State(folder / f"{cell.name}.json")
        self.problem: str | None = None
        self.began: float | None = None
        self.first_iteration = 0
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._pace: tuple[float, int] | None = None
        self._elsewhere = False
        self._attempts = len(self.state.attempts)

    @property
    def name(self) -> str:
        """Name of the training."""
        return self.cell.name

    @property
    def finished(self) -> bool:
        """Whether it has a result."""
        return self.state.result is not None

    @property
    def status(self) -> str:
        """'finished', 'running', 'failed' or 'waiting'."""
        if self.finished:
            return "finished"
        if self._process is not None or self._elsewhere:
            return "running"
        return "failed" if self.problem else "waiting"

    def changes(self) -> list[str]:
        """What differs from the config with which it began."""
        if self.state.fingerprint is None:
            return []
        return [*map(str, differences(self.state.fingerprint, self.cell.fingerprint))]

    def forget(self) -> None:
        """Remove all that it has written.

        Raises:
            ConfigError: If that fails: it would go on from what is left.
        """
        try:
            if os.path.lexists(self.folder):
                shutil.rmtree(self.folder)
            for path in (self.config_path, self.state.path):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cell {self.name} cannot be removed: {error.filename}: "
                f"{error.strerror}"
            ) from error
        self.state = State(self.state.path)

    def prepare(self) -> None:
        """Write its config and its record.

        Raises:
            WriteError: If that fails.
        """
        text = f"# Cell {self.name} of a study.\n{config_text(self.cell.cfg)}"
        atomic_write(self.config_path, text.encode())
        self.state.cell = self.cell.to_plain()
        self.state.fingerprint = self.cell.fingerprint
        self.state.write()

    def adopt(self, result: dict[str, Any]) -> None:
        """Note a result that was measured elsewhere, with this config.

        Args:
            result: The result, see :func:`~.result.make_result`.

        Raises:
            WriteError: If its record cannot be written.
        """
        self.prepare()
        self.state.result = result
        self.state.write()

    def refresh(self, ended: bool = False) -> None:
        """Read again how far a training has come that another process runs.

        Args:
            ended: Whether no process runs it any more, so that a failure from before
                this object was made counts, too.
        """
        before, self.state = self.state, State(self.state.path)
        attempt = self.state.attempts[-1] if self.state.attempts else {"code": None}
        self._elsewhere = bool(self.state.attempts) and "code" not in attempt
        new = len(self.state.attempts) > self._attempts
        self.problem = attempt.get("problem") if new or ended else None
        if ended and self._elsewhere:
            self._elsewhere, self.problem = False, "was killed"
        if len(self.state.attempts) > len(before.attempts):
            self.first_iteration, self._pace = self.log().iteration, None

    def at_work_elsewhere(self) -> bool:
        """Whether another process trains in its folder."""
        try:
            with locked(self.folder):
                return False
        except ConfigError:
            return True

    def start(self, gpu: str | None = None, threads: int = 1) -> None:
        """Start the process, which resumes from the last checkpoint.

        Args:
            gpu: The GPU that it sees, see :func:`training_environment`.
            threads: Threads of the process.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.problem = None
        self.began = time.monotonic()
        self.first_iteration = self.log().iteration
        self._pace = None
        self.state.attempts.append({"commit": project_commit()})
        self.state.write()
        with open_new(self.folder / OUTPUT) as output:
            self._process = subprocess.Popen(  # noqa: S603, the arguments are our own
                (self._command or train_command)(self.config_path, self.folder),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=training_environment(threads, gpu),
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )

    def poll(self, wait: bool = False) -> bool:
        """Whether the process has ended; if so, its result is noted.

        Args:
            wait: Whether to wait until it has.
        """
        if self._process is None:
            return True
        code, usage = _ended(self._process, wait)
        if code is None:
            return False
        self._process = None
        seconds = time.monotonic() - (self.began or 0.0)
        self.state.attempts[-1].update(usage, seconds=round(seconds, 1), code=code)
        if code == 0:
            try:
                self.state.result = make_result(
                    self.cell, self.folder, self.state.attempts
                )
            except ConfigError as error:
                self.problem = str(error)
        elif code in STOPPED:
            self.problem = "was stopped by a signal"
        else:
            self.problem = f"ended with code {code}: {self._last_words()}"
        self.state.attempts[-1]["problem"] = self.problem
        self.state.write()
        return True

    def stop(self) -> None:
        """Ask the process to save and to end."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def join(self) -> None:
        """Wait until the process has ended, and kill it if it does not."""
        limit = time.monotonic() + KILL_AFTER_S
        while not self.poll():
            if time.monotonic() > limit and self._process is not None:
                self._process.kill()
                self.poll(wait=True)
                return
            time.sleep(0.05)

    def log(self) -> Log:
        """What it has logged so far."""
        return read_log(self.folder, self.cell.stages)

    def seconds_per_iteration(self, iteration: int) -> float | None:
        """Its pace since its start, or that of the finished training; None: unknown.

        Args:
            iteration: The iteration that it has reached now.
        """
        if self.state.result is not None:
            ended = [a["seconds"] for a in self.state.attempts if "seconds" in a]
            if ended and len(ended) == len(self.state.attempts):
                return float(sum(ended)) / self.cell.iterations
            return float(self.state.result["seconds"]) / self.cell.iterations
        if self.status != "running" or iteration <= self.first_iteration:
            return None
        now = time.monotonic()
        if self._pace is None:
            # The pace counts from here: before, the process imported and built.
            self._pace = (now, iteration)
            return None
        began, first = self._pace
        return (now - began) / (iteration - first) if iteration > first else None

    def describe_changes(self) -> str:
        """A sentence about :meth:`changes`."""
        state = "finished" if self.finished else "begun"
        return f"cell {self.name} was {state} with another config: " + shorten(
            self.changes(), 3
        )

    def _last_words(self) -> str:
        """The last line of its output, the error if it has named one."""
        path = self.folder / OUTPUT
        try:
            text = read_plain(path).decode(errors="replace")
        except OSError as error:
            return str(error)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error:")]
        return f"{(errors or lines or ['no output'])[-1][:300]} ({path})"


def _ended(
    process: subprocess.Popen[bytes], wait: bool
) -> tuple[int | None, dict[str, Any]]:
    """The exit code of a process, and its time and memory as far as known."""
    if not hasattr(os, "wait4"):
        return (process.wait() if wait else process.poll()), {}
    pid, status, usage = os.wait4(process.pid, 0 if wait else os.WNOHANG)
    if pid == 0:
        return None, {}
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return process.returncode, {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "memory_mb": round(usage.ru_maxrss * unit / 1e6),
    }


def _end_with_parent() -> None:
    """Let Linux send SIGTERM to this process when its parent ends, even by SIGKILL."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
