"""Compares methods over seeds and lists of masks, and writes a table of their gains.

A study is a config: a plain config, methods, lists, seeds and iterations; docs/study.md
explains it. Its trainings run one after the other, or several at a time. The same
command goes on after an interruption; what is finished is not trained again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import atomic_write, check_writable
from mmseg_semisup.core.distributed import locked
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.engine.preemption import INTERRUPT_CODE
from mmseg_semisup.study.adopt import adopt_results
from mmseg_semisup.study.board import Board
from mmseg_semisup.study.documents import (
    RECORDS,
    find_documents,
    outdated,
)
from mmseg_semisup.study.plan import Study, read_study
from mmseg_semisup.study.results import make_record, read_record, to_json
from mmseg_semisup.study.run import (
    OpenStudy,
    begin,
    check_changes,
    default_folder,
    finish_study,
    open_study,
    problems,
    run_study,
)
from mmseg_semisup.study.selection import measure_all
from mmseg_semisup.study.slurm import submit, watch
from mmseg_semisup.study.table import make_table


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", help="path of a study, or name of a shipped one")
    parser.add_argument(
        "--work-dir",
        type=Path,
        help="folder of all trainings; default: work_dirs/studies/NAME",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="trainings at a time; default: the study's, one for each GPU, or, without "
        "GPUs, for each core",
    )
    parser.add_argument(
        "--only", nargs="+", metavar="CELL", help="run these trainings only"
    )
    parser.add_argument(
        "--redo",
        nargs="*",
        metavar="CELL",
        help="remove these trainings first, or, without names, those whose config has "
        "changed",
    )
    parser.add_argument(
        "--adopt",
        nargs="+",
        type=Path,
        metavar="RECORD",
        help="take over results of equal configs: results.json of other machines, or a "
        "record in docs/records",
    )
    parser.add_argument(
        "--slurm",
        metavar="PARTITION",
        help="run the trainings as an array of slurm jobs, and wait; GPUS, "
        "CPUS_PER_TASK, SBATCH_ARGS and SRUN_ARGS as for slurm_train.sh, for one "
        "training",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--list", action="store_true", help="only name the trainings and their state"
    )
    what.add_argument(
        "--report",
        action="store_true",
        help="train nothing; keep the results in docs/records, and write them into the "
        "documents of the project in the current folder, between their markers",
    )
    args = parser.parse_args()
    if args.jobs is not None and args.jobs < 1:
        parser.error(f"--jobs {args.jobs}: must be at least 1")
    return args


def main() -> None:
    """Run the tool."""
    args = parse_args()
    study = read_study(args.study)
    folder = args.work_dir or default_folder(study)
    if args.report:
        report(study, folder, Path.cwd())
        return
    if args.list:
        opened = open_study(study, folder)
        for training in opened.trainings:
            print(f"{training.name}: {training.status}")
        return
    check_writable(folder)
    check_own_folder(folder)
    with locked(folder):
        opened = open_study(study, folder)
        check_changes(opened, args.redo)
        if args.adopt:
            print(*adopt_results(opened, args.adopt), sep="\n", flush=True)
        for note in opened.notes:
            print(f"note: {note}", flush=True)
        try:
            if args.slurm:
                run_array(opened, args)
            else:
                run_study(opened, args.only, args.jobs)
        except KeyboardInterrupt:
            print("\nstopped; the same command goes on", flush=True)
            raise SystemExit(INTERRUPT_CODE) from None
        unmeasured = []
        if study.selection:
            unmeasured = measure_all(opened.trainings, print)
        files = finish_study(opened)
        if files:
            record = make_record(study, opened.trainings, opened.notes)
            print(f"\n{make_table(record)}\n\n{', '.join(map(str, files))}", flush=True)
        failed = [*problems(opened.trainings), *unmeasured]
        if failed:
            raise ConfigError("; ".join(failed) + ". The same command tries them again")


def run_array(opened: OpenStudy, args: argparse.Namespace) -> None:
    """Run the trainings as an array of slurm jobs."""
    chosen = opened.chosen(args.only)
    begin(opened, chosen)
    if all(training.finished for training in chosen):
        return
    jobs = args.jobs or opened.study.jobs or len(chosen)
    tools = Path(__file__).resolve().parent
    job = submit(opened.folder, chosen, args.slurm, jobs, tools)
    board = Board(chosen, jobs)
    board.say(f"job {job}; Ctrl-C leaves it alone, the same command watches again")
    try:
        watch(job, chosen, board)
    finally:
        board.close()


def report(study: Study, folder: Path, root: Path) -> None:
    """Keep the results of a study, and write them into a project's documents.

    Args:
        study: The study.
        folder: Its work-dir; if there is none, the record that is kept counts.
        root: Folder of the project.

    Raises:
        ConfigError: If no training is finished.
    """
    kept = root / RECORDS / f"{study.name}.json"
    if folder.is_dir():
        opened = open_study(study, folder)
        check_changes(opened, None)
        record = make_record(study, opened.trainings, opened.notes)
        atomic_write(kept, to_json(record))
        print(f"wrote {kept}")
    elif kept.is_file():
        record = read_record(kept)
    else:
        raise ConfigError(
            f"study {study.name}: no cell is finished: there is neither {folder} nor "
            f"{kept}"
        )
    written = list(outdated(root, {study.name: record}))
    for path, text in written:
        atomic_write(path, text.encode())
        print(f"wrote {path}")
    if not written:
        print(f"{len(find_documents(root))} documents have markers; none has changed")


if __name__ == "__main__":
    run_tool(main)
