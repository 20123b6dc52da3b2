"""``results.json``: all results of a study, with table and picture beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_semisup.core import records
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.figures import encode_picture
from mmseg_semisup.core.fingerprint import digest
from mmseg_semisup.report.page import REPORT

from .picture import draw_study
from .plan import Study
from .report import study_page
from .result import check_result
from .table import make_page
from .training import Training

RESULTS, TABLE, PICTURE = "results.json", "table.md", "gains.png"
VERSION = 1
FORM = {
    "study": str,
    "command": str,
    "baselines": [str],
    "methods": [str],
    "splits": [str],
    "missing?": [str],
    "notes?": [str],
    "cells": [object],
}
"""Form of a record, see :mod:`~mmseg_semisup.core.records`."""


def make_record(
    study: Study, trainings: Sequence[Training], notes: Sequence[str]
) -> dict[str, Any]:
    """The results of all trainings that are finished.

    Raises:
        ConfigError: If none is.
    """
    cells = [
        {**t.state.result, "config": digest(t.state.fingerprint or {})}
        for t in trainings
        if t.state.result is not None
    ]
    if not cells:
        raise ConfigError(
            f"study {study.name}: no cell is finished, so there is nothing to report"
        )
    return {
        "version": VERSION,
        "study": study.name,
        "command": f"python tools/study.py {_shown(study.path)}",
        "baselines": study.baselines,
        "methods": list(study.methods),
        "splits": list(study.splits),
        "seeds": study.seeds,
        "missing": [t.name for t in trainings if not t.finished],
        "notes": list(notes),
        "cells": cells,
    }


def write_results(folder: Path, record: Mapping[str, Any]) -> list[Path]:
    """Write the record, the Markdown page, the picture and the report.

    Returns:
        The files.
    """
    picture = encode_picture(draw_study(record))
    files = {
        RESULTS: to_json(record),
        TABLE: f"{make_page(record)}\n".encode(),
        PICTURE: picture,
        REPORT: study_page(record, picture, folder),
    }
    for name, content in files.items():
        atomic_write(folder / name, content)
    return [folder / name for name in files]


def to_json(record: Mapping[str, Any]) -> bytes:
    """The text of a record, one line a training so that changes can be read."""
    head = {key: value for key, value in record.items() if key != "cells"}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    cells = ",\n".join(f"  {json.dumps(cell)}" for cell in record["cells"])
    return (
        "{\n" + ",\n".join([*lines, f' "cells": [\n{cells}\n ]']) + "\n}\n"
    ).encode()


def read_record(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        ConfigError: If it is none.
    """
    try:
        content: dict[str, Any] = records.read_versioned(path, VERSION, FORM)
        for index, result in enumerate(content["cells"]):
            check_result(result, f"cells[{index}]")
    except records.RecordError as error:
        raise ConfigError(f"{path} is no record of a study: {error}") from error
    return content


def _shown(path: Path) -> str:
    """A path as a command line may have it: below the project or the current folder."""
    for parent in path.resolve().parents:
        if parent.name == "configs":
            return str(path.resolve().relative_to(parent.parent))
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return path.name
