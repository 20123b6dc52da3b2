"""``baseline.json``: the training that the report of a work-dir compares with."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.records import RecordError, read_versioned

FILE = "baseline.json"
VERSION = 1
FORM = {"work_dir": str}
"""Form of the file, see :mod:`~mmseg_semisup.core.records`."""


def remember_baseline(work_dir: Path, baseline: Path) -> None:
    """Note a baseline, relative to the work-dir, so that both can be moved together.

    Args:
        work_dir: Work-dir of a training.
        baseline: That of its baseline.

    Raises:
        WriteError: If the file cannot be written.
    """
    path = os.path.relpath(baseline.resolve(), work_dir.resolve())
    content = {"version": VERSION, "work_dir": path}
    atomic_write(work_dir / FILE, json.dumps(content).encode())


def forget_baseline(work_dir: Path) -> None:
    """Remove the note, if there is one."""
    (work_dir / FILE).unlink(missing_ok=True)


def recall_baseline(work_dir: Path) -> Path | None:
    """Work-dir of the noted baseline; None without a note.

    Args:
        work_dir: Work-dir of a training.

    Raises:
        ConfigError: If the note cannot be read.
    """
    path = work_dir / FILE
    if not os.path.lexists(path):
        return None
    try:
        content = read_versioned(path, VERSION, FORM)
    except RecordError as error:
        raise ConfigError(f"{path} does not name a baseline: {error}") from error
    return Path(os.path.normpath(work_dir.resolve() / content["work_dir"]))
