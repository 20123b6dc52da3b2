"""``job.json``: which checkpoints a cluster's job found when it began in a work-dir.

A job that goes back into the queue is started again with the command of its first
start. What it has written since then comes before what that command says; what an
earlier training left in the work-dir does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.find_checkpoint import list_checkpoints

FILE = "job.json"


def earlier_checkpoints(work_dir: str | Path, job: str) -> set[Path]:
    """Checkpoints that this job has not written; its first start notes them.

    Args:
        work_dir: Where it trains.
        job: Its number or name, the same in every start.

    Returns:
        Those of the work-dir that are what they were when the job began.

    Raises:
        ConfigError: If the note cannot be read.
        WriteError: If it cannot be written.
    """
    path = Path(work_dir) / FILE
    present = {file: file.stat().st_mtime_ns for file in list_checkpoints(work_dir)}
    times = _read(path, job)
    if times is None:
        times = {file.name: time for file, time in present.items()}
        atomic_write(path, json.dumps({"job": job, "earlier": times}).encode())
    return {file for file, time in present.items() if times.get(file.name) == time}


def _read(path: Path, job: str) -> Mapping[str, int] | None:
    """The names and times that the job noted; None: it has not begun yet."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content["earlier"]) if content["job"] == job else None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path} is no note of a job; remove it") from error
