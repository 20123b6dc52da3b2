"""Runs trainings in separate processes, and reads their progress from their logs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.cpu import available_cores
from mmseg_semisup.core.find_checkpoint import find_last_checkpoint
from mmseg_semisup.models.network_names import STUDENT, mean_name, predicting_names
from mmseg_semisup.report.log import read_log
from mmseg_semisup.study.cells import config_text
from mmseg_semisup.study.training import training_environment

VALIDATIONS = 6
OUTPUT_NAME = "output.txt"
DONE_NAME = "done.txt"


class TrainingError(RuntimeError):
    """A training failed; the message holds the end of its output."""


class Run:
    """One training: its config, its folder, its process.

    Args:
        method: Name of a config in ``configs/demo``.
        folder: Work-dir of the training.
        data_root: The generated data set.
        seed: Seed of the data's order, the augmentation and the first weights.
        iters: Number of iterations; None: the config's.

    Raises:
        ConfigError: If there is no such config.
    """

    def __init__(
        self, method: str, folder: Path, data_root: Path, seed: int, iters: int | None
    ) -> None:
        self.method = method
        self.folder = folder
        # Beside the folder, because the runner writes a copy of its own into it.
        self.config_path = folder.with_name(f"{folder.name}.py")
        self.cfg = make_config(method, data_root, seed, iters)
        self.iters: int = self.cfg.train_cfg.max_iters
        self._process: subprocess.Popen[bytes] | None = None
        self._pace: tuple[float | None, int] = (None, 0)

    @property
    def finished(self) -> bool:
        """Whether the folder holds this training, and it is complete."""
        return (self.folder / DONE_NAME).is_file() and self._same_config()

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self, threads: int) -> None:
        """Start the training, or resume an interrupted one with the same config.

        Args:
            threads: Number of threads of the process.

        Raises:
            TrainingError: If the folder was not made by this program.
        """
        if self.folder.is_dir() and not self._same_config():
            if not self.config_path.is_file():
                raise TrainingError(f"{self.folder} holds something else; move it")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(self.config_path, config_text(self.cfg).encode())
        self._pace = (None, self.iteration())
        with open(self.folder / OUTPUT_NAME, "w", encoding="utf-8") as output:
            self._process = subprocess.Popen(  # noqa: S603, the arguments are our own
                [
                    *(sys.executable, "-W", "ignore", "-m", "mmseg_semisup", "train"),
                    *(str(self.config_path), "--work-dir", str(self.folder)),
                    "--resume",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=training_environment(threads),
            )

    def finish(self) -> None:
        """Mark the training as complete.

        Raises:
            TrainingError: If it is not.
        """
        if self._process is not None and self._process.returncode != 0:
            output = self.folder / OUTPUT_NAME
            lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
            raise TrainingError(
                f"the training of {self.method} failed; all of its output is in "
                f"{output}\n" + "\n".join(lines[-15:])
            )
        atomic_write(self.folder / DONE_NAME, b"")

    def stop(self) -> None:
        """End the process; the next start resumes from the last checkpoint."""
        if self._process is not None and self.running:
            self._process.terminate()
            self._process.wait()

    def iteration(self) -> int:
        """The last iteration in the log."""
        return read_log(self.folder).iteration

    def seconds_left(self) -> float | None:
        """Estimate the remaining seconds from the pace so far; None if unknown."""
        done = self.iteration()
        if done <= self._pace[1]:
            return None
        begin, first = self._pace
        if begin is None:
            # The pace counts from here: before, the process imported and built.
            self._pace = (time.monotonic(), done)
            return None
        return (time.monotonic() - begin) / (done - first) * (self.iters - done)

    def miou(self) -> dict[int, float]:
        """Validation mIoU in percent, by ascending iteration."""
        predicts = mean_name(predicting_names(self.cfg.model))
        scores = read_log(self.folder).scores
        # A network that is validated alone has no name in the log.
        return scores.get(predicts) or scores.get(STUDENT, {})

    def checkpoint(self) -> Path:
        """The last checkpoint.

        Raises:
            TrainingError: If there is none.
        """
        path = find_last_checkpoint(self.folder)
        if path is None:
            raise TrainingError(f"there is no checkpoint in {self.folder}")
        return path

    def _same_config(self) -> bool:
        path = self.config_path
        return path.is_file() and path.read_bytes() == config_text(self.cfg).encode()


def make_config(method: str, data_root: Path, seed: int, iters: int | None) -> Config:
    """The shipped config of a method, for one data set, seed and length.

    Args:
        method: Name of a config in ``configs/demo``.
        data_root: The generated data set.
        seed: Seed of the data's order, the augmentation and the first weights.
        iters: Number of iterations, of which the objectives' start is a share; None:
            the config's.

    Raises:
        ConfigError: If there is no such config.
    """
    cfg = load_config(f"demo/{method}.py")
    root = str(data_root.resolve())
    for source in cfg.train_dataloader.dataset.sources.values():
        source.data_root = root
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = root
    cfg.randomness = dict(seed=seed)
    cfg.train_dataloader.sampler.seed = seed
    if iters is not None:
        interval = max(1, iters // VALIDATIONS)
        cfg.train_cfg.update(max_iters=iters, val_interval=interval)
        cfg.default_hooks.checkpoint.interval = interval
        for scheduler in cfg.param_scheduler:
            scheduler.end = iters
    return cfg


def train_all(runs: Sequence[Run], processes: int) -> None:
    """Run all unfinished trainings, several at a time, and show their progress.

    Args:
        runs: The trainings.
        processes: Greatest number of processes; the cores are shared among them.

    Raises:
        TrainingError: If one of them fails; the others are stopped.
    """
    waiting = [run for run in runs if not run.finished]
    parallel = max(1, min(processes, len(waiting)))
    threads = max(1, available_cores() // parallel)
    active: list[Run] = []
    progress = Progress()
    try:
        while waiting or active:
            while waiting and len(active) < parallel:
                active.append(waiting.pop(0))
                active[-1].start(threads)
            time.sleep(0.5)
            progress.show(active, waiting)
            for run in [run for run in active if not run.running]:
                active.remove(run)
                run.finish()
    finally:
        progress.close()
        for run in active:
            run.stop()


class Progress:
    """Shows progress: in a terminal one line that is replaced, in a file some lines."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._interval = 1.0 if self._live else 15.0
        self._last = time.monotonic() - self._interval + 2.0
        self._width = 0

    def close(self) -> None:
        """End the line."""
        if self._live and self._width:
            print()

    def show(self, active: Sequence[Run], waiting: Sequence[Run]) -> None:
        """Show the progress of each training, if it is time."""
        if time.monotonic() < self._last + self._interval:
            return
        self._last = time.monotonic()
        parts = [describe(run) for run in active]
        parts += [f"{run.method} waits" for run in waiting]
        text = " | ".join(parts)
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            text = text[:width]
            print("\r" + text.ljust(min(self._width, width)), end="", flush=True)
            self._width = len(text)
        else:
            print(text, flush=True)


def describe(run: Run) -> str:
    """The progress of a training in a few words."""
    done, left = run.iteration(), run.seconds_left()
    if left is None:
        return f"{run.method} starting"
    miou = [f", mIoU {value:.1f}" for value in run.miou().values()][-1:]
    return f"{run.method} {done}/{run.iters}{''.join(miou)}, {clock(left)} left"


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
