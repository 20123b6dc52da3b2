"""Predicts images: label masks with a palette, coloured overlays, and confidence."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch
from mmengine.config import Config

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import check_range
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.datasets.pixel_windows import ARRAY
from mmseg_semisup.export.folder import predict_folder
from mmseg_semisup.export.large_images import predict_large_images
from mmseg_semisup.export.prediction_files import (
    IMAGE_SUFFIXES,
    PredictionFiles,
    find_images,
)
from mmseg_semisup.export.prediction_journal import Journal, made_by
from mmseg_semisup.export.predictor import Predictor
from mmseg_semisup.export.window_predictor import WindowPredictor
from mmseg_semisup.models.network_names import STUDENT
from mmseg_semisup.visualization.panels import OPACITY

DEPENDS_ON = ("network", "opacity", "confidence", "window", "overlap")
"""Options that the results depend on."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the training, or an exported one")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument(
        "images",
        nargs="+",
        help="images, folders of images, and text files of image paths",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--network",
        action="append",
        metavar="NAME",
        help="student (default), teacher, or another of model.networks; given several "
        "times, the mean of their probabilities decides",
    )
    parser.add_argument(
        "--opacity",
        type=float,
        default=OPACITY,
        help="opacity of the colours over the image, which is grey then",
    )
    parser.add_argument(
        "--confidence",
        action="store_true",
        help="write the probability of each pixel's class, too: confidence/NAME.png "
        "with 255 for 1, pictures/NAME.jpg, and the mean of each image",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="images of one size, or windows, that are predicted together; 8 on a GPU, "
        "else 1",
    )
    parser.add_argument(
        "--window",
        nargs="?",
        type=int,
        const=0,
        metavar="SIDE",
        help="predict large images in overlapping windows of their own pixels, in "
        "bounded memory; without SIDE, of the size of test_cfg or of training",
    )
    parser.add_argument(
        "--overlap",
        type=int,
        metavar="PIXELS",
        help="pixels that neighbouring windows share; otherwise those of test_cfg, "
        "else a quarter of the window",
    )
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    add_trust_argument(parser)
    args = parser.parse_args()
    if args.overlap is not None and args.window is None:
        parser.error("--overlap needs --window")
    if args.batch_size is None:
        args.batch_size = 8 if args.device.startswith("cuda") else 1
    args.network = args.network or [STUDENT]
    return args


def report(line: str) -> None:
    """Show progress, in a single line of a terminal, else line by line."""
    end = "\r" if sys.stdout.isatty() else "\n"
    print(f"{line:<72}", end=end, flush=True)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    check_range("--batch-size", 1, batch_size=args.batch_size)
    if args.window:
        check_range("--window", 1, side=args.window)
    cfg = load_config(args.config)
    windows = args.window is not None
    suffixes = (*IMAGE_SUFFIXES, ARRAY) if windows else IMAGE_SUFFIXES
    images = find_images(args.images, suffixes)
    check_own_folder(args.out)
    check_writable(args.out)
    checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    options = {name: getattr(args, name) for name in DEPENDS_ON}
    journal = Journal(args.out, made_by(cfg, args.checkpoint, options))
    if journal.outdated:
        print(f"{args.out} has results of other weights or options; all are made anew")
    start = time.perf_counter()
    failed = predict(args, cfg, checkpoint, images, journal)
    done = len(images) - len(failed)
    earlier = f", {journal.left_out} of them earlier" if journal.left_out else ""
    speed = (done - journal.left_out) / (time.perf_counter() - start)
    print(
        f"\n{done} images predicted into {args.out}{earlier}; "
        f"{speed:.2g} images a second"
    )
    for path, reason in failed.items():
        print(f"skipped {path}: {reason}", file=sys.stderr)
    if failed:
        raise SystemExit(1)


def predict(
    args: argparse.Namespace,
    cfg: Config,
    checkpoint: dict[str, object],
    images: list[tuple[Path, Path]],
    journal: Journal,
) -> dict[Path, str]:
    """Predict whole images, or their windows.

    Returns:
        Images that cannot be predicted, and why.
    """
    if args.window is None:
        predictor = Predictor(cfg, checkpoint, args.network, args.device)
        files = PredictionFiles(
            args.out,
            predictor.classes,
            predictor.palette,
            args.opacity,
            args.confidence,
        )
        return predict_folder(
            predictor, images, files, report, args.batch_size, journal
        )
    sliding = WindowPredictor(
        cfg,
        checkpoint,
        args.network,
        args.device,
        args.window or None,
        args.overlap,
        args.batch_size,
    )
    (height, width), (rows, columns) = sliding.window, sliding.overlap
    print(f"windows of {height} x {width} pixels that share {rows} x {columns}")
    files = PredictionFiles(
        args.out, sliding.classes, sliding.palette, args.opacity, args.confidence
    )
    return predict_large_images(sliding, images, files, report, journal)


if __name__ == "__main__":
    run_tool(main)
