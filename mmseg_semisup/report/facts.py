"""``report.json``: what only a running training knows of itself."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.records import RecordError, read_versioned

FILE = "report.json"
VERSION = 1
START = {
    "time": str,
    "iteration": int,
    "command": str,
    "commit": (str, None),
    "machine": str,
    "versions": {str: str},
}
SOURCE = {"images": int, "per_step": (float, None), "sizes": str}
CLASS = {"name": str, "images": int, "share": float}
DATA = {
    "sources": {str: SOURCE},
    "validated": (int, None),
    "masks": int,
    "masks_read": int,
    "classes": [CLASS],
    "warnings": [str],
}
FORM = {
    "topics": {str: str},
    "classes": [str],
    "palette": [[int]],
    "predicts": str,
    "iterations": int,
    "iteration": int,
    "finished": bool,
    "time": str,
    "since": str,
    "config": str,
    "method": str,
    "starts": [START],
    "data": (DATA, None),
}
"""Form of the file, see :mod:`~mmseg_semisup.core.records`."""


@dataclass
class Facts:
    """What a training says of itself.

    Attributes:
        topics: What it does, as :func:`mmseg_semisup.engine.outline.topics` has it.
        classes: Names of the classes of the validation images, or of the training's.
        palette: Their colours (R, G, B), in 0..255; empty: there are none.
        predicts: Name of the network that predicts; empty: there is one only.
        iterations: Iterations of the whole training.
        iteration: Iterations that were done when this was written.
        finished: Whether the training is at its end.
        time: When this was written, 'YYYY-MM-DD HH:MM'.
        since: Name of the folder of its first logs, a time.
        config: Name of the config's copy in the work-dir; empty: there is none.
        method: Name of the method that the config was composed with, or empty.
        starts: Each start: time, iteration, command, commit, machine and versions.
        data: Numbers of images and shares of classes, or None.
    """

    topics: dict[str, str] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    palette: list[list[int]] = field(default_factory=list)
    predicts: str = ""
    iterations: int = 0
    iteration: int = 0
    finished: bool = False
    time: str = ""
    since: str = ""
    config: str = ""
    method: str = ""
    starts: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, Any] | None = None


def read_facts(work_dir: Path) -> Facts:
    """Read the file; without one, nothing is known.

    Args:
        work_dir: Work-dir of a training.

    Raises:
        ConfigError: If the file cannot be read.
    """
    path = work_dir / FILE
    if not os.path.lexists(path):
        return Facts()
    try:
        content = read_versioned(path, VERSION, FORM)
    except RecordError as error:
        raise ConfigError(f"{path} is no record of a report: {error}") from error
    return Facts(**{name: content[name] for name in FORM})


def write_facts(work_dir: Path, facts: Facts) -> None:
    """Write the file.

    Raises:
        WriteError: If that fails.
    """
    content = {"version": VERSION, **asdict(facts)}
    atomic_write(work_dir / FILE, json.dumps(content, indent=1).encode())
