"""Writes the report of a training, or compares several on one page.

A training writes ``report.html`` into its work-dir by itself, at each validation; this
tool makes it again, with a baseline or of an older training. The page is one file that
needs no network.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.report.baseline import forget_baseline, remember_baseline
from mmseg_semisup.report.page import (
    REPORT,
    comparison_page,
    read_several,
    training_page,
    with_baseline,
)
from mmseg_semisup.stages.report import (
    is_in_stages,
    noted_page,
    stages_page,
    training_folder,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "work_dirs", nargs="+", type=Path, metavar="WORK_DIR", help="of a training"
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="WORK_DIR",
        help="the training that gains refer to, of the same classes; noted in the "
        "work-dir of a single training, whose reports have it from then on",
    )
    parser.add_argument(
        "--no-baseline", action="store_true", help="forget the noted baseline"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="HTML",
        help=f"file to write; default: {REPORT} in the work-dir, or, of several "
        "trainings, in the current folder",
    )
    args = parser.parse_args()
    if args.no_baseline and args.baseline:
        parser.error("--no-baseline contradicts --baseline")
    return args


def main() -> None:
    """Run the tool."""
    args = parse_args()
    folders: list[Path] = args.work_dirs
    named = training_folder(args.baseline) if args.baseline else None
    if len(folders) > 1:
        page, out = compare(folders, named), args.out or Path(REPORT)
    else:
        page, out = report(folders[0], named, args.no_baseline), args.out
        out = out or folders[0] / REPORT
    atomic_write(out, page)
    print(f"wrote {out}, {len(page) / 1e6:.1f} MB")


def report(folder: Path, baseline: Path | None, forget: bool) -> bytes:
    """The page of one training, with a baseline that is named now or was earlier."""
    if forget:
        forget_baseline(folder)
    stages = is_in_stages(folder)
    if baseline is None:
        return noted_page(folder) if stages else training_page(*with_baseline(folder))
    if stages:
        page = stages_page(folder, baseline)
    else:
        run, other = read_several([folder, baseline])
        page = training_page(run, other)
    remember_baseline(folder, baseline)
    return page


def compare(folders: Sequence[Path], baseline: Path | None) -> bytes:
    """The page of several trainings."""
    read = read_several(
        [*map(training_folder, folders), *([baseline] if baseline else [])]
    )
    runs, baselines = read[: len(folders)], read[len(folders) :]
    return comparison_page(runs, *baselines)


if __name__ == "__main__":
    run_tool(main)
