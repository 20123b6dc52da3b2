"""Takes over results that another machine, or another study, has measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_semisup.core.fingerprint import digest
from mmseg_semisup.core.text import shorten

from .results import read_record
from .run import OpenStudy, begin


def adopt_results(opened: OpenStudy, paths: Sequence[Path]) -> list[str]:
    """Take over what others have measured with the same configs.

    Args:
        opened: The study, whose folder is locked. Its own trainings, begun or finished,
            are left alone.
        paths: Records: ``results.json`` of another work-dir, or one of docs/records. In
            a record of another study, a training counts by its config, whatever its
            name.

    Returns:
        A sentence for each record: what was taken, and what was not, and why.

    Raises:
        ConfigError: If a file is no record of a study. Nothing is taken then.
    """
    records = [(path, read_record(path)) for path in paths]
    begin(opened, [])
    return [f"{path}: {_adopt(opened, record['cells'])}" for path, record in records]


def _adopt(opened: OpenStudy, results: Sequence[dict[str, object]]) -> str:
    trainings = {digest(t.cell.fingerprint): t for t in opened.trainings}
    taken, other, here = [], [], []
    for result in results:
        training = trainings.get(str(result.get("config")))
        if training is None:
            other.append(str(result["cell"]))
        elif training.finished or training.state.attempts:
            here.append(training.name)
        else:
            cell = training.cell
            training.adopt(
                {
                    **result,
                    "cell": cell.name,
                    "method": cell.method,
                    "split": cell.split,
                }
            )
            taken.append(training.name)
    parts = [f"took {len(taken)} of {len(results)} results"]
    if here:
        parts.append(f"begun or finished here: {shorten(here, 5)}")
    if other:
        parts.append(f"measured with another config: {shorten(other, 5)}")
    return "; ".join(parts)
