"""Draws curves of several runs.

``training`` draws the losses and the validation mIoU of trainings, ``classes`` the IoU
of each class in their last validation. ``scores`` draws a discriminator's scores of
predictions and ground truth, of runs with a ScoreCurveHook (Mittal et al.'s Figure 11);
``roc`` the curves of classifiers (Figure 12), of ``roc.json`` files that
``tools/test.py`` writes with ``--cfg-options test_evaluator.out_dir=DIR``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.figures import encode_picture
from mmseg_semisup.core.find_checkpoint import find_last_checkpoint
from mmseg_semisup.evaluation.roc import draw_roc, read_roc
from mmseg_semisup.visualization.score_curve_hook import KEY, draw_scores
from mmseg_semisup.visualization.training_curves import (
    draw_classes,
    draw_training,
    read_scalars,
)

KINDS = ("training", "classes", "scores", "roc")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="TITLE=PATH",
        help="training and classes: a work-dir; scores: a work-dir or a checkpoint; "
        "roc: a roc.json",
    )
    parser.add_argument("--out", required=True, metavar="PNG", help="file to write")
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help="load checkpoints that hold more than tensors and plain data",
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    runs = {}
    for run in args.runs:
        title, equals, path = run.partition("=")
        if not equals:
            raise ConfigError(f"{run!r}: give TITLE=PATH")
        runs[title] = Path(path)
    if args.kind == "roc":
        try:
            draw_roc({title: read_roc(path) for title, path in runs.items()}, args.out)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return
    if args.kind == "scores":
        pictures = [
            draw_scores(read_scores(path, args.trust_checkpoint), title)
            for title, path in runs.items()
        ]
        picture = np.hstack(pictures)
    else:
        draw = draw_training if args.kind == "training" else draw_classes
        picture = draw({title: read_scalars(path) for title, path in runs.items()})
    atomic_write(args.out, encode_picture(picture))


def read_scores(path: Path, trust: bool) -> list[list[float]]:
    """Read the points of a ScoreCurveHook from a checkpoint, or a work-dir's last one.

    Args:
        path: A checkpoint or a work-dir.
        trust: Whether the checkpoint may execute code while it is read.

    Raises:
        ConfigError: If there are none.
    """
    file = find_last_checkpoint(path) if path.is_dir() else path
    if file is None or not file.is_file():
        raise ConfigError(f"there is no checkpoint in {path}")
    points = (load_checkpoint_file(file, trust=trust).get(KEY) or {}).get("points")
    if not points:
        raise ConfigError(
            f"{file} has no scores: train with a ScoreCurveHook, and for longer than "
            "its interval"
        )
    return points


if __name__ == "__main__":
    run_tool(main)
