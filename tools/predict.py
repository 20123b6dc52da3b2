"""Predicts images and videos: label masks with a palette, overlays, and confidence."""

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
from mmseg_semisup.core.errors import ConfigError, check_range
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.datasets.pixel_windows import ARRAY
from mmseg_semisup.export.batches import Work
from mmseg_semisup.export.folder import predict_folder
from mmseg_semisup.export.large_images import predict_large_images
from mmseg_semisup.export.prediction_files import (
    IMAGE_SUFFIXES,
    PredictionFiles,
    find_images,
)
from mmseg_semisup.export.prediction_journal import Journal, made_by
from mmseg_semisup.export.predictor import Predictor
from mmseg_semisup.export.video_files import VIDEO_SUFFIXES, is_video
from mmseg_semisup.export.videos import check_names, predict_videos
from mmseg_semisup.export.window_predictor import WindowPredictor
from mmseg_semisup.models.network_names import (
    configured_networks,
    mean_name,
    predicting_names,
)
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
        help="images, videos, folders of both, and text files of their paths",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--network",
        action="append",
        metavar="NAME",
        help="student, teacher, or another of model.networks; given several times, the "
        "mean of their probabilities decides; default: what the config tests",
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
    args.network = args.network or predicting_names(cfg.model)
    windows = args.window is not None
    more = (ARRAY,) if windows else VIDEO_SUFFIXES
    found = find_images(args.images, (*IMAGE_SUFFIXES, *more))
    videos = [pair for pair in found if is_video(pair[0])]
    images = [pair for pair in found if not is_video(pair[0])]
    if windows and videos:
        raise ConfigError(f"--window is for images, and {videos[0][0]} is a video")
    check_names(images, videos)
    check_own_folder(args.out)
    check_writable(args.out)
    checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    options = {name: getattr(args, name) for name in DEPENDS_ON}
    journal = Journal(args.out, made_by(cfg, args.checkpoint, options))
    if journal.outdated:
        print(f"{args.out} has results of other weights or options; all are made anew")
    start = time.perf_counter()
    failed, frames = predict(args, cfg, checkpoint, (images, videos), journal)
    seconds = time.perf_counter() - start
    done = len(images) - sum(path in failed for path, _ in images)
    counts = [several(done, "image")] if images else []
    if videos:
        counts.append(f"{frames} frames of {several(len(videos), 'video')}")
    earlier = f", {journal.left_out} of them earlier" if journal.left_out else ""
    new = done + frames - journal.left_out
    speed = f"; {significant(new / seconds)} images a second" if new else ""
    several_there = len(configured_networks(cfg.model)) > 1
    by = f" by the {mean_name(args.network)}" if several_there else ""
    print(f"\n{' and '.join(counts)} predicted{by} into {args.out}{earlier}{speed}")
    for path, reason in failed.items():
        print(f"skipped {path}: {reason}", file=sys.stderr)
    if failed:
        raise SystemExit(1)


def significant(number: float) -> str:
    """A number with at least two digits, such as '0.25', '2.5' or '117'.

    >>> [significant(number) for number in (0.2468, 2.468, 116.7)]
    ['0.25', '2.5', '117']
    """
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def several(count: int, noun: str) -> str:
    """A number of things, such as '1 image'."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def predict(
    args: argparse.Namespace,
    cfg: Config,
    checkpoint: dict[str, object],
    found: tuple[list[Work], list[Work]],
    journal: Journal,
) -> tuple[dict[Path, str], int]:
    """Predict whole images and videos, or the windows of images.

    Returns:
        Images and videos that cannot be predicted, and why; the number of frames.
    """
    images, videos = found
    if args.window is None:
        predictor = Predictor(cfg, checkpoint, args.network, args.device)
        files = PredictionFiles(
            args.out,
            predictor.classes,
            predictor.palette,
            args.opacity,
            args.confidence,
        )
        failed: dict[Path, str] = {}
        frames = 0
        how = report, args.batch_size, journal
        if images:
            failed = predict_folder(predictor, images, files, *how)
        if videos:
            cut_off, frames = predict_videos(predictor, videos, files, *how)
            failed |= cut_off
        return failed, frames
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
    return predict_large_images(sliding, images, files, report, journal), 0


if __name__ == "__main__":
    run_tool(main)
