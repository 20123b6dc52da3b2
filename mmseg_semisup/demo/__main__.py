"""Compares a supervised baseline with a semi-supervised method on generated data.

Draws scenes with patterned blobs, trains both for the same number of iterations on the
same labelled batches, and ends with a table and a picture. Started again after an
interruption, it resumes; finished trainings are not repeated.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.cpu import available_cores
from mmseg_semisup.core.errors import ConfigError

from .dataset import SPLITS, prepare_dataset
from .report import Painter, make_table, save_picture
from .runs import Run, TrainingError, clock, train_all
from .scenes import CLASSES, PALETTE

ROWS = 5


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mmseg_semisup.demo", description=__doc__
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["supervised", "mean_teacher"],
        help="configs in configs/demo, the first being the baseline; default: "
        "supervised mean_teacher",
    )
    parser.add_argument("--seed", type=int, default=0, help="of data and training")
    parser.add_argument(
        "--iters", type=int, help="iterations of each training; default: the configs'"
    )
    parser.add_argument(
        "--data-only", action="store_true", help="draw the scenes, and train nothing"
    )
    parser.add_argument("--work-dir", default="work_dirs/demo", type=Path)
    args = parser.parse_args(arguments)
    if args.iters is not None and args.iters < 1:
        parser.error(f"--iters {args.iters}: must be at least 1")
    if args.seed < 0:
        parser.error(f"--seed {args.seed}: must be at least 0")
    if len(set(args.methods)) < len(args.methods):
        parser.error(f"--methods {' '.join(args.methods)}: each may stand there once")
    return args


def main(arguments: list[str] | None = None) -> None:
    """Run the demonstration.

    Args:
        arguments: Arguments; None: those of the command line.
    """
    args = parse_args(arguments)
    begin = time.monotonic()
    folder = args.work_dir / f"seed{args.seed}"
    data_root = folder / "data"
    check_writable(folder)
    runs = [
        Run(method, folder / method, data_root, args.seed, args.iters)
        for method in args.methods
    ]
    is_new = prepare_dataset(data_root, args.seed)
    counts = ", ".join(f"{n} {split}" for split, n in SPLITS.items())
    say(f"{'drew' if is_new else 'found'} the scenes in {data_root}: {counts}")
    if args.data_only:
        return
    for run in runs:
        state = "is finished" if run.finished else f"{run.iters} iterations"
        say(f"{run.method}: {state}, in {run.folder}")
    train_all(runs, processes=available_cores())
    print(f"\n{make_table({run.method: run.miou() for run in runs})}\n", flush=True)

    painter = Painter(
        data_root, [f"val_{i:04d}" for i in range(ROWS)], CLASSES, PALETTE
    )
    for run in runs:
        miou = list(run.miou().values())[-1:]
        title = " ".join([run.method.replace("_", " "), *(f"{v:.1f}" for v in miou)])
        painter.add_model(title, run.cfg, run.checkpoint())
    picture = folder / "comparison.png"
    save_picture(painter.draw(), picture)
    say(f"picture of the first {ROWS} validation images: {picture}")
    say(f"done after {clock(time.monotonic() - begin)} minutes")


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    # sys.exit() also stops the trainings.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except (ConfigError, TrainingError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("\nstopped; the same command goes on from the last checkpoints")
