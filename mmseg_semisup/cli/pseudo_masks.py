"""Options and report of the two tools that make pseudo-masks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process

from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.pseudo_masks import (
    CamSettings,
    Item,
    Settings,
    load_predictor,
    make_pseudo_masks,
)
from mmseg_semisup.pseudo_masks.network import BatchPredictor
from mmseg_semisup.pseudo_masks.progress import show_progress
from mmseg_semisup.pseudo_masks.quality import read_quality, to_text
from mmseg_semisup.pseudo_masks.speed import measure_speed

from .launch import add_common_arguments, init_processes, set_launcher


def add_mask_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of both tools.

    Args:
        parser: The parser of the tool.
    """
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--data-config",
        metavar="CONFIG",
        help="config of the training whose images are labelled; without it, the "
        "network's own",
    )
    parser.add_argument(
        "--confidence", action="store_true", help="store the confidence, too"
    )
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument(
        "--threads",
        type=int,
        default=4,
        help="threads that load, and threads that write",
    )
    parser.add_argument("--device", help="default: a GPU if there is one")
    add_common_arguments(parser)


def make_and_report(
    args: argparse.Namespace,
    cfg: Config,
    data_cfg: Config,
    settings: Settings | CamSettings,
    items: Sequence[Item] | None = None,
    measure: bool = False,
) -> None:
    """Make the masks and print their quality, or measure the speed of making them.

    Args:
        args: The options of :func:`add_mask_arguments`, and ``checkpoint``.
        cfg: The network's config.
        data_cfg: Config whose sources are labelled.
        settings: Settings of the masks.
        items: The images, in place of those of the sources.
        measure: Whether to only measure the speed.
    """
    check_own_folder(args.out)
    check_writable(args.out)
    set_launcher(cfg, args.launcher, args.local_rank)
    init_processes(cfg)
    options = dict(
        data_cfg=data_cfg,
        items=items,
        device=torch.device(args.device or get_device()),
        trust=args.trust_checkpoint,
    )
    if measure:
        predictor, found = load_predictor(cfg, args.checkpoint, settings, **options)
        if not isinstance(predictor, BatchPredictor):
            raise StoreError("--measure-speed measures a segmentor, not a classifier")
        print(measure_speed(predictor, found, args.out, settings))
        return
    manifest = make_pseudo_masks(
        cfg, args.checkpoint, args.out, settings, report=show_progress, **options
    )
    if is_main_process():
        print(f"\n{len(manifest['images'])} pseudo-masks in {args.out}")
        print(to_text(read_quality(args.out)))
