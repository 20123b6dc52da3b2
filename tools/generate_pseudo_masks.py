"""Labels images with a trained network and stores the predictions as masks.

The folder then holds masks/ID.png (indexed), on demand confidence/ID.png (8 bits),
manifest.json, and the quality against true masks where they exist: quality.json and
quality.png. The same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import (
    add_common_arguments,
    init_processes,
    run_tool,
    set_launcher,
)
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.config import find_config
from mmseg_semisup.export.predictor import find_images
from mmseg_semisup.pseudo_masks import Item, Settings, make_pseudo_masks
from mmseg_semisup.pseudo_masks.make import load_predictor
from mmseg_semisup.pseudo_masks.progress import show_progress
from mmseg_semisup.pseudo_masks.quality import read_quality, to_text
from mmseg_semisup.pseudo_masks.settings import MODES, NETWORKS
from mmseg_semisup.pseudo_masks.speed import measure_speed


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "config", help="config of the network, or name of a shipped one"
    )
    parser.add_argument("checkpoint", help="its checkpoint; a plain mmseg one, too")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--data-config",
        metavar="CONFIG",
        help="config whose training images are labelled; without it, the network's",
    )
    parser.add_argument(
        "--sources",
        nargs="+",
        metavar="NAME",
        help="sources of the training; default: labeled and unlabeled",
    )
    parser.add_argument(
        "--images", nargs="+", metavar="PATH", help="files and folders, not a training"
    )
    parser.add_argument("--network", choices=NETWORKS, default="student")
    parser.add_argument(
        "--mode", choices=MODES, help="whole images or windows; default: the config's"
    )
    for name in ("crop-size", "stride"):
        parser.add_argument(
            f"--{name}", nargs=2, type=int, metavar=("H", "W"), help="of the window"
        )
    parser.add_argument(
        "--flip", action="store_true", help="average with the mirror image"
    )
    parser.add_argument(
        "--confidence", action="store_true", help="store the confidence, too"
    )
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=4, help="that load, and write")
    parser.add_argument(
        "--measure-speed",
        action="store_true",
        help="compare with the bare forward passes and encoding, in one process; masks "
        "are made anew in a folder that is removed afterwards; --out stays as it is",
    )
    parser.add_argument("--device", help="default: a GPU if there is one")
    add_common_arguments(parser)
    return parser.parse_args()


def read_settings(args: argparse.Namespace, data_cfg: Config) -> Settings:
    """The settings that the command line names."""
    sources = args.sources
    if sources is None:
        dataset = (data_cfg.get("train_dataloader") or {}).get("dataset") or {}
        own = dataset.get("sources") or {"train": dataset}
        known = [n for n in ("labeled", "unlabeled", "train") if own.get(n)]
        sources = known or list(own)
    return Settings(
        network=args.network,
        sources=sources if args.images is None else ["images"],
        mode=args.mode,
        crop_size=args.crop_size,
        stride=args.stride,
        flip=args.flip,
        confidence=args.confidence,
        batch_size=args.batch_size,
        threads=args.threads,
    )


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(find_config(args.config), args.cfg_options)
    if args.data_config:
        data_cfg = load_config(args.data_config, stages="base")
    else:
        data_cfg = load_config(args.config, args.cfg_options, stages="base")
    settings = read_settings(args, data_cfg)
    check_writable(args.out)
    set_launcher(cfg, args.launcher, args.local_rank)
    init_processes(cfg)
    items = None
    if args.images is not None:
        found = find_images(args.images)
        items = [Item(name.as_posix(), str(path), "images") for path, name in found]
    options = dict(
        data_cfg=data_cfg,
        items=items,
        device=torch.device(args.device or get_device()),
        trust=args.trust_checkpoint,
    )
    if args.measure_speed:
        found = load_predictor(cfg, args.checkpoint, settings, **options)
        print(measure_speed(*found, args.out, settings))
        return
    manifest = make_pseudo_masks(
        cfg, args.checkpoint, args.out, settings, report=show_progress, **options
    )
    if is_main_process():
        print(f"\n{len(manifest['images'])} pseudo-masks in {Path(args.out)}")
        print(to_text(read_quality(args.out)))


if __name__ == "__main__":
    run_tool(main)
