"""Finds the trainings of the same method with other seeds."""

from __future__ import annotations

from pathlib import Path

from mmseg_semisup.study.gains import Row, make_rows
from mmseg_semisup.study.report import CELLS
from mmseg_semisup.study.results import RESULTS, read_record


def find_row(work_dir: Path, network: str) -> Row | None:
    """The results of the study that a training is of, for its method and masks.

    Args:
        work_dir: Work-dir of the training, or of a stage of it.
        network: Name of the network.

    Returns:
        None if it is of no study, or the study has no result of this training and
        network yet.

    Raises:
        ConfigError: If the study's record cannot be read.
    """
    for folder in (work_dir.absolute(), work_dir.absolute().parent):
        record = folder.parent.parent / RESULTS
        if folder.parent.name != CELLS or not record.is_file():
            continue
        for row in make_rows(read_record(record)):
            own = [r for r in row.results if r["cell"] == folder.name]
            if own and network in own[0]["networks"]:
                return row
    return None
