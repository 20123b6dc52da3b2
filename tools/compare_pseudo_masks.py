"""Draws the pseudo-masks of several stages for the same images."""

from __future__ import annotations

import argparse

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.pseudo_masks.images import Item, list_items, training_sources
from mmseg_semisup.pseudo_masks.pictures import compare_stores
from mmseg_semisup.visualization.panels import write_picture


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--store",
        nargs=2,
        action="append",
        required=True,
        metavar=("TITLE", "FOLDER"),
        help="a folder of pseudo-masks; repeat the option for each folder",
    )
    parser.add_argument("--out", required=True, metavar="PNG", help="picture to write")
    parser.add_argument(
        "--config",
        help="config of the training: shows true masks, and the mIoU of each image",
    )
    parser.add_argument(
        "--count", type=int, default=6, help="number of images, evenly spread"
    )
    parser.add_argument("--images", nargs="+", metavar="ID", help="or their ids")
    parser.add_argument(
        "--no-photos",
        action="store_true",
        help="leave out the images, for publication",
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    items: list[Item] = []
    if args.config:
        cfg = load_config(args.config, stages="base")
        own = training_sources(cfg)
        items, _ = list_items(cfg, [name for name in own if own.get(name)])
    picture = compare_stores(
        dict(args.store), args.count, args.images, not args.no_photos, items
    )
    write_picture(picture, args.out)


if __name__ == "__main__":
    run_tool(main)
