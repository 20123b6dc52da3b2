"""Takes over results of a study that another machine has measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.fingerprint import digest
from mmseg_semisup.core.text import shorten

from .results import read_record
from .run import OpenStudy, begin


def adopt_results(opened: OpenStudy, paths: Sequence[Path]) -> list[str]:
    """Take over what others have measured with the same configs.

    Args:
        opened: The study, whose folder is locked. Its own trainings, begun or finished,
            are left alone.
        paths: Records: ``results.json`` of another work-dir, or one of docs/records.

    Returns:
        A sentence for each record: what was taken, and what was not, and why.

    Raises:
        ConfigError: If a file is no record of this study. Nothing is taken then.
    """
    records = [(path, read_record(path)) for path in paths]
    for path, record in records:
        if record["study"] != opened.study.name:
            raise ConfigError(
                f"{path} is a record of the study {record['study']!r}, not of "
                f"{opened.study.name!r}"
            )
    begin(opened, [])
    return [f"{path}: {_adopt(opened, record['cells'])}" for path, record in records]


def _adopt(opened: OpenStudy, results: Sequence[dict[str, object]]) -> str:
    trainings = {training.name: training for training in opened.trainings}
    taken, other, here = [], [], []
    for result in results:
        name = str(result["cell"])
        training = trainings.get(name)
        if training is None or result.get("config") != digest(
            training.cell.fingerprint
        ):
            other.append(name)
        elif training.finished or training.state.attempts:
            here.append(name)
        else:
            training.adopt(result)
            taken.append(name)
    parts = [f"took {len(taken)} of {len(results)} results"]
    if here:
        parts.append(f"begun or finished here: {shorten(here, 5)}")
    if other:
        parts.append(f"measured with another config: {shorten(other, 5)}")
    return "; ".join(parts)
