"""The result of one training: scores, time, memory, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.machine import describe_machine, package_versions
from mmseg_semisup.core.records import RecordError, check_form
from mmseg_semisup.report.log import read_log

from .cells import Cell

SCORES = {
    "last": float,
    "best": float,
    "best_at": int,
    "curve": {str: float},
    "classes": {str: float},
}
FORM = {
    "cell": str,
    "config?": str,
    "method": str,
    "split": str,
    "masks": int,
    "seed": int,
    "iterations": int,
    "predicts": str,
    "networks": {str: SCORES},
    "seconds": float,
    "cpu_seconds": (float, None),
    "memory_mb": (float, None),
    "device": str,
    "commit": (str, None),
    "machine": str,
    "versions": {str: str},
    "selection?": {
        "thresholds": [float],
        "kept": [(float, None)],
        "accuracy_of_kept": [(float, None)],
    },
}
"""Form of a result, see :mod:`~mmseg_semisup.core.records`."""


def check_result(result: Any, where: str) -> None:
    """Raise RecordError for a value that is no result of a training.

    Args:
        result: What a record holds.
        where: The place of the value in the record.

    Raises:
        RecordError: If it has another form, or no scores of the network that predicts.
    """
    check_form(result, FORM, where)
    network = result["predicts"]
    if network not in result["networks"]:
        raise RecordError(
            f"{where}.predicts is {network!r:.60}, of which networks has no scores"
        )


def make_result(
    cell: Cell, folder: Path, attempts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The result of a training that has ended.

    Args:
        cell: The training.
        folder: Its work-dir.
        attempts: Its starts, see :class:`~.state.State`.

    Raises:
        ConfigError: If it was not validated after its last iteration.
    """
    log = read_log(folder, cell.stages)
    curve = log.scores.get(cell.predicts)
    length = cell.cfg.train_cfg.max_iters if not cell.stages else max(curve or [0])
    if not curve or max(curve) != length:
        raise ConfigError(
            f"there is no mIoU of the {cell.predicts} after iteration {length} in the "
            f"log of {folder}: validate with an IoUMetric of mIoU, and log with the "
            "LocalVisBackend"
        )
    processor: list[float | None] = [a.get("cpu_seconds") for a in attempts]
    sizes = [attempt["memory_mb"] for attempt in attempts if "memory_mb" in attempt]
    on_gpu = log.gpu_memory is not None
    memory = log.gpu_memory if on_gpu else max(sizes, default=None)
    known = [seconds for seconds in processor if seconds is not None]
    complete = len(known) == len(processor) and known and not on_gpu
    commits = dict.fromkeys(str(a["commit"]) for a in attempts if a.get("commit"))
    return {
        "cell": cell.name,
        "method": cell.method,
        "split": cell.split,
        "masks": cell.masks,
        "seed": cell.seed,
        "iterations": cell.iterations,
        "predicts": cell.predicts,
        "networks": {
            name: _scores(scores, log.classes.get(name, {}))
            for name, scores in log.scores.items()
        },
        "seconds": round(log.seconds, 3),
        "cpu_seconds": round(sum(known), 1) if complete else None,
        "memory_mb": None if memory is None else round(memory),
        "device": "GPU" if on_gpu else "CPU",
        "starts": len(attempts),
        "commit": ", ".join(commits) or None,
        "machine": describe_machine(),
        "versions": package_versions(),
    }


def _scores(curve: Mapping[int, float], classes: Mapping[str, float]) -> dict[str, Any]:
    last = max(curve)
    best_at = max(curve, key=lambda step: (curve[step], -step))
    return {
        "last": round(curve[last], 2),
        "best": round(curve[best_at], 2),
        "best_at": best_at,
        "curve": {str(step): round(value, 2) for step, value in curve.items()},
        "classes": dict(classes),
    }
