"""Writes the report of a training, or compares several on one page.

A training writes ``report.html`` into its work-dir by itself, at each validation; this
tool makes it again, with a baseline or of an older training. The page is one file that
needs no network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.report.page import (
    REPORT,
    comparison_page,
    read_several,
    training_page,
)
from mmseg_semisup.stages.report import is_in_stages, stages_page, training_folder


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
        help="the training that gains refer to, of the same classes",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="HTML",
        help=f"file to write; default: {REPORT} in the work-dir, or, of several "
        "trainings, in the current folder",
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    folders: list[Path] = args.work_dirs
    out = args.out or (folders[0] / REPORT if len(folders) == 1 else Path(REPORT))
    if is_in_stages(folders[0]) and len(folders) == 1:
        page = stages_page(folders[0], args.baseline)
    else:
        named = [args.baseline] if args.baseline else []
        read = read_several([training_folder(path) for path in [*folders, *named]])
        runs, baselines = read[: len(folders)], read[len(folders) :]
        baseline = baselines[0] if baselines else None
        if len(runs) > 1:
            page = comparison_page(runs, baseline)
        else:
            page = training_page(runs[0], baseline)
    atomic_write(out, page)
    print(f"wrote {out}, {len(page) / 1e6:.1f} MB")


if __name__ == "__main__":
    run_tool(main)
