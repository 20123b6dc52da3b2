"""Predicts images: label masks with a palette, coloured overlays, and confidence."""

from __future__ import annotations

import argparse
import sys

import torch

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.export.prediction_files import find_images, predict_folder
from mmseg_semisup.export.predictor import Predictor
from mmseg_semisup.models.network_names import STUDENT
from mmseg_semisup.visualization.panels import OPACITY


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the training, or an exported one")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument("images", nargs="+", help="images, and folders of images")
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
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    add_trust_argument(parser)
    return parser.parse_args()


def report(line: str) -> None:
    """Show progress, in a single line of a terminal, else line by line."""
    end = "\r" if sys.stdout.isatty() else "\n"
    print(f"{line:<60}", end=end, flush=True)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(args.config)
    images = find_images(args.images)
    check_own_folder(args.out)
    check_writable(args.out)
    checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    predictor = Predictor(cfg, checkpoint, args.network or STUDENT, args.device)
    failed = predict_folder(
        predictor,
        images,
        args.out,
        predictor.classes,
        predictor.palette,
        args.opacity,
        report,
        args.confidence,
    )
    print(f"\n{len(images) - len(failed)} images predicted into {args.out}")
    for path, reason in failed.items():
        print(f"skipped {path}: {reason}", file=sys.stderr)
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    run_tool(main)
