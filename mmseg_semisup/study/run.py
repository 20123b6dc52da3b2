"""Opens the folder of a study, runs it, and writes its results."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.cpu import available_cores
from mmseg_semisup.core.distributed import LOCK_NAME
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.records import RecordError, read_record
from mmseg_semisup.core.text import shorten, suggest

from .board import Board
from .cells import check_fair, make_cells
from .plan import Study
from .results import make_record, write_results
from .schedule import make_slots, run_trainings, visible_gpus
from .training import Training

FILE, CELLS = "study.json", "cells"


@dataclass
class OpenStudy:
    """A study and its folder.

    Attributes:
        study: What is compared.
        folder: Its work-dir.
        trainings: All of its trainings.
        notes: In what else the methods differ.
    """

    study: Study
    folder: Path
    trainings: list[Training]
    notes: list[str] = field(default_factory=list)

    def chosen(self, names: Collection[str] | None) -> list[Training]:
        """The trainings of these names; None: all.

        Raises:
            ConfigError: If there is no training of a name.
        """
        known = {training.name: training for training in self.trainings}
        for name in names or ():
            if name not in known:
                raise ConfigError(
                    f"there is no cell {name!r}; {suggest(name, known)}"
                    f"there are {shorten(list(known), 12)}"
                )
        return [t for name, t in known.items() if names is None or name in names]


def open_study(study: Study, folder: Path) -> OpenStudy:
    """Compose a study, and look at what its folder has.

    Args:
        study: What is compared.
        folder: Its work-dir; need not exist.

    Raises:
        ConfigError: If a training cannot be composed or compared, or the folder is
            that of something else.
    """
    _check_folder(study, folder)
    cells = make_cells(study)
    notes = check_fair(cells, study.baselines)
    trainings = [Training(cell, folder / CELLS) for cell in cells]
    return OpenStudy(study, folder, trainings, notes)


def _check_folder(study: Study, folder: Path) -> None:
    path = folder / FILE
    if path.is_file():
        try:
            other = read_record(path, {"study": str})["study"]
        except RecordError as error:
            raise ConfigError(f"{path} is no record of a study: {error}") from error
        if other != study.name:
            raise ConfigError(
                f"{folder} is the work-dir of the study {other!r}, not of "
                f"{study.name!r}; give another --work-dir"
            )
    elif folder.is_dir() and {entry.name for entry in folder.iterdir()} - {LOCK_NAME}:
        raise ConfigError(
            f"{folder} holds something else than a study; give another --work-dir"
        )


def check_changes(opened: OpenStudy, redo: Sequence[str] | None) -> None:
    """Refuse trainings that began with another config, or remove them.

    Args:
        opened: The study.
        redo: Trainings that are removed; empty: those that have changed; None: none.

    Raises:
        ConfigError: If a training has changed that is not removed.
    """
    for training in opened.chosen(redo or None) if redo is not None else ():
        if redo or training.changes():
            training.forget()
    changed = [t for t in opened.trainings if t.changes()]
    if changed:
        sentences = "; ".join(t.describe_changes() for t in changed[:2])
        more = f"; and {len(changed) - 2} more" if len(changed) > 2 else ""
        raise ConfigError(
            f"{sentences}{more}. Undo the change, give another --work-dir, or "
            "--redo to train again what has changed"
        )


def begin(opened: OpenStudy, chosen: Sequence[Training]) -> None:
    """Write what the trainings need that are not finished."""
    content = json.dumps({"version": 1, "study": opened.study.name})
    atomic_write(opened.folder / FILE, content.encode())
    for training in chosen:
        if not training.finished:
            training.prepare()


def run_study(
    opened: OpenStudy, only: Sequence[str] | None = None, jobs: int | None = None
) -> None:
    """Run all trainings that are not finished.

    Args:
        opened: The study, whose folder is locked.
        only: Names of those to run; None: all.
        jobs: Trainings at a time; None: as the study says, else one for each GPU or
            core.
    """
    chosen = opened.chosen(only)
    begin(opened, chosen)
    gpus = visible_gpus()
    number = jobs or opened.study.jobs or len(gpus) or available_cores()
    left = sum(not training.finished for training in chosen)
    slots = make_slots(max(1, min(number, left)), gpus)
    board = Board(chosen, len(slots))
    try:
        run_trainings(chosen, slots, board)
    finally:
        board.close()


def finish_study(opened: OpenStudy, only: Sequence[str] | None = None) -> list[Path]:
    """Write the results, and name what failed.

    Returns:
        The files of the results; none if no training is finished.
    """
    if not any(training.finished for training in opened.trainings):
        return []
    record = make_record(opened.study, opened.trainings, opened.notes)
    return write_results(opened.folder, record)


def problems(trainings: Sequence[Training]) -> list[str]:
    """A sentence for each training that has failed."""
    return [
        f"cell {training.name} {training.problem}"
        for training in trainings
        if training.status == "failed"
    ]


def default_folder(study: Study) -> Path:
    """The work-dir of a study that states none."""
    return Path(os.path.join("work_dirs", "studies", study.name))
