"""One report of all stages of a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.engine.progress_log import is_class_score
from mmseg_semisup.pseudo_masks.quality import read_quality
from mmseg_semisup.report.baseline import recall_baseline
from mmseg_semisup.report.contents import STORE, Contents, check_classes, read_contents
from mmseg_semisup.report.markup import Html, el, join, table
from mmseg_semisup.report.page import REPORT, make_page
from mmseg_semisup.report.scores import one_digit
from mmseg_semisup.report.sections import Section, lead, notices, numbers, sections_of

from .evaluate import METRICS, read_metrics
from .record import FILE, Record


def is_in_stages(work_dir: Path) -> bool:
    """Whether a work-dir is that of a training in stages."""
    return os.path.lexists(work_dir / FILE)


def training_folder(work_dir: Path) -> Path:
    """The folder of a training's log: of stages, that of the last one that trains.

    Args:
        work_dir: A work-dir.

    Raises:
        ConfigError: If its record of stages cannot be read.
    """
    if not is_in_stages(work_dir):
        return work_dir
    trained = [run.folder for run in _read(work_dir).values() if run is not None]
    return trained[-1] if trained else work_dir


def write_stages_report(work_dir: Path) -> Path:
    """Write the report of all stages that have begun, with the baseline noted there.

    Args:
        work_dir: Work-dir of the whole training.

    Returns:
        The file.

    Raises:
        ConfigError: If the work-dir cannot be read.
        WriteError: If the file cannot be written.
    """
    path = work_dir / REPORT
    atomic_write(path, noted_page(work_dir))
    return path


def noted_page(work_dir: Path) -> bytes:
    """The report of a training in stages, with the baseline noted in its work-dir.

    Args:
        work_dir: Its work-dir.

    Returns:
        The page; it says why, if that baseline cannot be compared with.

    Raises:
        ConfigError: If the work-dir cannot be read.
    """
    try:
        return stages_page(work_dir, recall_baseline(work_dir))
    except ConfigError as error:
        return stages_page(work_dir, problem=f"Without its baseline: {error}.")


def stages_page(
    work_dir: Path, baseline: Path | None = None, problem: str = ""
) -> bytes:
    """The report of a training in stages.

    Args:
        work_dir: Its work-dir.
        baseline: Work-dir of the training to compare the last stage with.
        problem: Why there is no baseline, if there should be one.

    Raises:
        ConfigError: If a work-dir cannot be read, or the classes differ.
    """
    runs = _read(work_dir)
    trained = {name: run for name, run in runs.items() if run is not None}
    finished = Record(work_dir)
    last = next(reversed(trained), None)
    other = read_contents(training_folder(baseline)) if baseline else None
    if other is not None and last is not None:
        check_classes(trained[last], other, "--baseline")
    sections = [Section("stages", "Stages", _table(work_dir, runs, finished))]
    for name in finished.stages:
        run = runs[name]
        key = f"stage-{len(sections)}"
        title = f"Stage {name}"
        if run is None:
            sections.append(Section(key, title, _evaluation(work_dir / name)))
            continue
        compared = other if name == last else None
        body = [el("p", lead(run)), numbers(run, compared)]
        inner = sections_of(run, compared, f"{key}-")
        notes = notices(run, f"{key}-")
        sections.append(Section(key, title, join([*body, notes]), inner))
    introduction: list[Html | None] = []
    if last is not None:
        run = trained[last]
        text = f"{len(finished.stages)} stages have begun. The last one that trains: "
        introduction = [
            el("p", text, lead(run), class_="lead"),
            numbers(run, other),
        ]
    if problem:
        introduction.append(el("p", problem, class_="callout"))
    title = work_dir.resolve().name
    return make_page("Report of a training in stages", title, introduction, sections)


def _read(work_dir: Path) -> dict[str, Contents | None]:
    """Each stage that has begun, in order; None: it has logged nothing."""
    found: dict[str, Contents | None] = {}
    for name in Record(work_dir).stages:
        try:
            found[name] = read_contents(work_dir / name)
        except ConfigError:
            found[name] = None
    return found


def _table(work_dir: Path, runs: Mapping[str, Contents | None], record: Record) -> Html:
    head = ["stage", "", "iterations", "mIoU, last", "best"]
    head += ["pseudo-masks", "their mIoU"]
    rows = []
    for name, run in runs.items():
        state = "finished" if record.is_finished(name) else "not finished"
        row: list[Any] = [name, state, "", "", ""]
        if run is not None:
            best = one_digit(run.best[1]) if run.best else ""
            row[2:] = [str(run.iteration), one_digit(run.last), best]
        rows.append(row + _masks(work_dir / name))
    return table(head, rows, range(2, 7))


def _masks(folder: Path) -> list[str]:
    """Number of a stage's pseudo-masks, and their mIoU as far as it is known."""
    try:
        found = read_quality(folder / STORE)
    except StoreError:
        return ["", ""]
    known = {name: each["mIoU"] for name, each in found.items()}
    values = [f"{name} {v:.1f}" for name, v in known.items() if v is not None]
    return [str(sum(each["images"] for each in found.values())), ", ".join(values)]


def _evaluation(folder: Path) -> Html:
    if not os.path.lexists(folder / METRICS):
        return el("p", "Nothing has been logged yet.", class_="note")
    try:
        metrics = read_metrics(folder)
    except ConfigError as error:
        return el("p", str(error), class_="note")
    rows = [
        [name, f"{value:.2f}"]
        for name, value in metrics.items()
        if not is_class_score(name)
    ]
    return table(["score of the test", "value"], rows, (1,))
