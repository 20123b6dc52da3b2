"""Reads what a training has logged: progress, scores, time and memory."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_semisup.core.plain_files import read_plain
from mmseg_semisup.core.records import MAYBE_NAN, RecordError, parse_record
from mmseg_semisup.visualization.training_curves import CLASSES, SCALARS, SCORE, Points

STUDENT = "student"
LINE = {"iter?": int, "step?": int, "time?": MAYBE_NAN, "memory?": MAYBE_NAN}
"""Form of a line, see :mod:`~mmseg_semisup.core.records`."""


@dataclass
class Log:
    """What a training has logged.

    Attributes:
        iteration: The last iteration in the log, of all stages together.
        scores: Network to iteration to mIoU in percent, of the last stage.
        classes: Network to class to IoU in percent, of the last validation; classes
            that are neither in masks nor in predictions are left out.
        seconds: Seconds of the steps of training.
        gpu_memory: Greatest memory of the GPU in MB, or None.
    """

    iteration: int = 0
    scores: dict[str, dict[int, float]] = field(default_factory=dict)
    classes: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    gpu_memory: float | None = None


def read_log(work_dir: Path, stages: Sequence[str] = (), since: str = "") -> Log:
    """Read the log of a training, also while it is written and after a resume.

    Args:
        work_dir: Its work-dir.
        stages: Names of its stages that train, in order; empty: it has none.
        since: Name of the first folder of logs, see :func:`read_points`.
    """
    log = Log()
    for stage in stages or ("",):
        steps: dict[int, dict[str, Any]] = {}
        log.scores, log.classes = {}, {}
        for entry in _entries(work_dir / stage, since):
            if "loss" in entry and math.isfinite(entry.get("time", math.nan)):
                steps[int(entry.get("iter", entry.get("step", 0)))] = entry
            _add_scores(log, entry)
        before = 0
        for step, entry in sorted(steps.items()):
            log.seconds += entry["time"] * (step - before)
            before = step
            memory = entry.get("memory")
            if memory and math.isfinite(memory):
                log.gpu_memory = max(log.gpu_memory or 0, memory)
        log.iteration += before
    log.scores = {k: dict(sorted(v.items())) for k, v in log.scores.items()}
    return log


def read_points(work_dir: Path, since: str = "") -> Points:
    """All figures in the log of a training; lines that cannot be read are left out.

    Args:
        work_dir: Its work-dir.
        since: Name of the first folder of logs that counts, a time; those before are of
            an earlier training in the same work-dir.

    Returns:
        Iteration to name to value; of an iteration that was repeated, the last values.
        Values may be NaN or infinite.
    """
    points: Points = {}
    for entry in _entries(work_dir, since):
        step = entry.get("step", entry.get("iter", 0))
        figures = {
            k: float(v)
            for k, v in entry.items()
            if isinstance(v, (int, float)) and k not in ("step", "iter")
        }
        points.setdefault(step, {}).update(figures)
    return dict(sorted(points.items()))


def _entries(folder: Path, since: str) -> Iterator[dict[str, Any]]:
    """The lines of a training's logs, the oldest first.

    MMEngine logs a validation by its epoch unless it is told otherwise; it gets the
    iteration of the line in front of it, which is never later.
    """
    for file in sorted(folder.glob(SCALARS)):
        if file.parent.parent.name < since:
            continue
        try:
            lines = read_plain(file).splitlines()
        except OSError:
            # A training without scores is named at its end.
            continue
        before = 0
        for line in lines:
            # The last line may be incomplete.
            with contextlib.suppress(RecordError):
                entry = parse_record(line, LINE)
                if "iter" in entry:
                    before = entry["iter"]
                elif entry.get("step", before) < before:
                    entry["step"] = before
                yield entry


def _add_scores(log: Log, entry: dict[str, Any]) -> None:
    step = entry.get("step", 0)
    for key, value in entry.items():
        network, _, score = f"/{key}".rpartition("/")
        if score == SCORE and _is_finite(value):
            name = network.strip("/") or STUDENT
            log.scores.setdefault(name, {})[step] = value
    for key in [key for key in entry if f"/{CLASSES}" in f"/{key}"]:
        network, _, name = f"/{key}".partition(f"/{CLASSES}")
        value = entry[key]
        if _is_finite(value):
            scores = log.classes.setdefault(network.strip("/") or STUDENT, {})
            scores[name] = value


def _is_finite(value: Any) -> bool:
    """Whether a value of a log is a number, neither NaN nor infinite."""
    return type(value) in (int, float) and math.isfinite(value)
