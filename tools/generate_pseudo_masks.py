"""Labels images with a trained network and stores the predictions as masks.

The folder then holds masks/ID.png (indexed), on demand confidence/ID.png (8 bits),
manifest.json, and the quality against true masks where they exist: quality.json and
quality.png. The same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.cli.pseudo_masks import add_mask_arguments, make_and_report
from mmseg_semisup.export.prediction_files import find_images
from mmseg_semisup.models.network_names import predicting_name
from mmseg_semisup.pseudo_masks import Item, Settings
from mmseg_semisup.pseudo_masks.images import training_sources
from mmseg_semisup.pseudo_masks.settings import MODES


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "config", help="config of the network, or name of a shipped one"
    )
    parser.add_argument("checkpoint", help="its checkpoint; a plain mmseg one, too")
    parser.add_argument(
        "--sources",
        nargs="+",
        metavar="NAME",
        help="sources of the training; default: labeled and unlabeled",
    )
    parser.add_argument(
        "--images",
        nargs="+",
        metavar="PATH",
        help="files and folders, in place of a training",
    )
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="student, teacher, or another of model.networks; default: that which the "
        "config tests",
    )
    parser.add_argument(
        "--mode", choices=MODES, help="whole images or windows; default: the config's"
    )
    for name in ("crop-size", "stride"):
        parser.add_argument(
            f"--{name}",
            nargs=2,
            type=int,
            metavar=("H", "W"),
            help=f"{name} of the sliding window",
        )
    parser.add_argument(
        "--flip", action="store_true", help="average with the mirror image"
    )
    parser.add_argument(
        "--scales",
        nargs="+",
        type=float,
        default=[1.0],
        metavar="S",
        help="scales of the images that are averaged, relative to the test pipeline's",
    )
    parser.add_argument(
        "--measure-speed",
        action="store_true",
        help="compare with the bare forward passes and encoding, in one process; masks "
        "are made anew in a folder that is removed afterwards; --out stays as it is",
    )
    add_mask_arguments(parser)
    return parser.parse_args()


def read_settings(
    args: argparse.Namespace, model: Mapping[str, Any], data_cfg: Config
) -> Settings:
    """Read the settings from the command line."""
    sources = args.sources
    if args.images is not None:
        sources = ["images"]
    elif sources is None:
        own = training_sources(data_cfg)
        known = [n for n in ("labeled", "unlabeled", "train") if own.get(n)]
        sources = known or list(own)
    return Settings(
        network=args.network or predicting_name(model),
        sources=sources,
        mode=args.mode,
        crop_size=args.crop_size,
        stride=args.stride,
        flip=args.flip,
        scales=args.scales,
        confidence=args.confidence,
        batch_size=args.batch_size,
        threads=args.threads,
    )


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    if args.data_config:
        data_cfg = load_config(args.data_config, stages="base")
    else:
        data_cfg = load_config(args.config, args.cfg_options, stages="base")
    settings = read_settings(args, cfg.model, data_cfg)
    items = None
    if args.images is not None:
        found = find_images(args.images)
        items = [Item(name.as_posix(), str(path), "images") for path, name in found]
    make_and_report(args, cfg, data_cfg, settings, items, args.measure_speed)


if __name__ == "__main__":
    run_tool(main)
