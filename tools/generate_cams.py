"""Labels images of known classes by a classifier, and stores the labels as masks.

The folder then holds what tools/generate_pseudo_masks.py writes. Pixels where no class
is active enough, and not so little that it must be background, are 255 and teach
nothing. The same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
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
from mmseg_semisup.pseudo_masks import CamSettings, make_pseudo_masks
from mmseg_semisup.pseudo_masks.progress import show_progress
from mmseg_semisup.pseudo_masks.quality import read_quality, to_text
from mmseg_semisup.pseudo_masks.settings import NETWORKS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    default = CamSettings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the classifier")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--data-config",
        metavar="CONFIG",
        help="config whose images are labelled, with the classes of its labelled "
        "source; without it, the classifier's",
    )
    parser.add_argument(
        "--sources",
        nargs="+",
        metavar="NAME",
        default=list(default.sources),
        help="sources whose images get masks; their labels are read; default: weak",
    )
    parser.add_argument(
        "--network", choices=NETWORKS, help="default: the one the config predicts with"
    )
    parser.add_argument(
        "--scales",
        nargs="+",
        type=float,
        default=list(default.scales),
        metavar="S",
        help="of the images, relative to their files; default: 1.0 0.5 1.5 2.0",
    )
    parser.add_argument(
        "--no-flip", action="store_true", help="leave the mirror images out"
    )
    parser.add_argument(
        "--foreground",
        type=float,
        default=default.foreground,
        metavar="T",
        help="activation above which a pixel gets the class; default: %(default)s",
    )
    parser.add_argument(
        "--background",
        type=float,
        default=default.background,
        metavar="T",
        help="activation below which it is background; default: %(default)s",
    )
    parser.add_argument(
        "--background-class",
        default=default.background_class,
        metavar="NAME",
        help="class that has no map; default: %(default)s, where there is one",
    )
    parser.add_argument(
        "--confidence", action="store_true", help="store the activation, too"
    )
    parser.add_argument("--batch-size", type=int, default=default.batch_size)
    parser.add_argument("--threads", type=int, default=4, help="that load, and write")
    parser.add_argument("--device", help="default: a GPU if there is one")
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    data_cfg = load_config(args.data_config) if args.data_config else None
    settings = CamSettings(
        network=args.network,
        sources=args.sources,
        scales=args.scales,
        flip=not args.no_flip,
        foreground=args.foreground,
        background=args.background,
        background_class=args.background_class,
        confidence=args.confidence,
        batch_size=args.batch_size,
        threads=args.threads,
    )
    check_writable(args.out)
    set_launcher(cfg, args.launcher, args.local_rank)
    init_processes(cfg)
    manifest = make_pseudo_masks(
        cfg,
        args.checkpoint,
        args.out,
        settings,
        data_cfg=data_cfg,
        device=torch.device(args.device or get_device()),
        trust=args.trust_checkpoint,
        report=show_progress,
    )
    if is_main_process():
        print(f"\n{len(manifest['images'])} pseudo-masks in {Path(args.out)}")
        print(to_text(read_quality(args.out)))


if __name__ == "__main__":
    run_tool(main)
