"""Draws predictions of several trained models for the same validation images."""

from __future__ import annotations

import argparse

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.visualization.compare import compare
from mmseg_semisup.visualization.panels import write_picture


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model",
        nargs=3,
        action="append",
        required=True,
        metavar=("TITLE", "CONFIG", "CHECKPOINT"),
        help="a trained model; repeat the option for each model",
    )
    parser.add_argument("--out", required=True, metavar="PNG", help="picture to write")
    parser.add_argument(
        "--count", type=int, default=6, help="number of images, evenly spread"
    )
    parser.add_argument("--images", type=int, nargs="+", help="or their positions")
    parser.add_argument(
        "--no-photos",
        action="store_true",
        help="leave out images and true masks, for publication",
    )
    add_trust_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    models = {
        title: (
            load_config(config),
            load_checkpoint_file(checkpoint, trust=args.trust_checkpoint),
        )
        for title, config, checkpoint in args.model
    }
    picture = compare(models, args.count, args.images, not args.no_photos)
    write_picture(picture, args.out)


if __name__ == "__main__":
    run_tool(main)
