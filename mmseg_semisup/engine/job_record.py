"""``job.json``: the checkpoints that were in a work-dir when a cluster's job began.

A requeued job is started again with the command of its first start. The checkpoints
that it has written since then have precedence over that command; those of an earlier
training in the same work-dir have not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.find_checkpoint import list_checkpoints
from mmseg_semisup.core.records import RecordError, read_record

FILE = "job.json"


def earlier_checkpoints(work_dir: str | Path, job: str) -> set[Path]:
    """Checkpoints that this job has not written; its first start records them.

    Args:
        work_dir: Work-dir of the training.
        job: Number or name of the job, the same in every start.

    Returns:
        The checkpoints in the work-dir that have not changed since the job began.

    Raises:
        ConfigError: If ``job.json`` cannot be read.
        WriteError: If ``job.json`` cannot be written.
    """
    path = Path(work_dir) / FILE
    present = {file: file.lstat().st_mtime_ns for file in list_checkpoints(work_dir)}
    times = _read(path, job)
    if times is None:
        times = {file.name: time for file, time in present.items()}
        atomic_write(path, json.dumps({"job": job, "earlier": times}).encode())
    return {file for file, time in present.items() if times.get(file.name) == time}


def _read(path: Path, job: str) -> Mapping[str, int] | None:
    """The recorded names and times; None if the job has not begun yet."""
    if not os.path.lexists(path):
        return None
    try:
        content = read_record(path, {"job": str, "earlier": {str: int}})
    except RecordError as error:
        raise ConfigError(f"{path} is no note of a job: {error}; remove it") from error
    return content["earlier"] if content["job"] == job else None
