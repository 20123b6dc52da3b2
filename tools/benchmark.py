"""Compares a config's training step with the bare passes of its networks.

The floor consists of the forward and backward passes of the networks in a step, on the
same shapes and in the same run, without losses, data, optimizers or teacher update.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import torch
from mmengine.config import DictAction
from mmengine.logging import MMLogger

from mmseg_semisup.benchmark import (
    IMAGE_SIZE,
    benchmark,
    compare,
    crops_images,
    generate_sources,
    set_sizes,
    to_text,
)
from mmseg_semisup.cli.config import (
    add_method_arguments,
    composition_of,
    load_config,
)
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import atomic_write, check_writable
from mmseg_semisup.core.cpu import available_cores


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="path of a config, or name of a shipped one")
    parser.add_argument(
        "--json", metavar="FILE", help="also write the figures to this file"
    )
    parser.add_argument(
        "--synthetic",
        action="store_true",
        help="read generated images in place of the data set",
    )
    parser.add_argument("--batch", type=int, help="samples in a batch, of all sources")
    parser.add_argument("--crop", type=int, help="side of the crops in pixels")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument(
        "--threads", type=int, help="threads of torch; default: all cores"
    )
    parser.add_argument("--workers", type=int, help="workers of the data loaders")
    parser.add_argument(
        "--loader-seconds",
        type=float,
        default=10,
        help="duration of each data loader; 0: they are not measured",
    )
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument(
        "--against",
        metavar="REV",
        help="measure another commit of this clone in turn with the present state",
    )
    parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    add_method_arguments(parser)
    args = parser.parse_args()
    if args.against and args.json:
        parser.error("--json writes the figures of one commit: leave out --against")
    return args


def main() -> None:
    """Run the tool."""
    args = parse_args()
    if args.against:
        own = argparse.ArgumentParser(add_help=False)
        own.add_argument("--against")
        print(compare(own.parse_known_args()[1], args.against))
        return
    MMLogger.get_current_instance().setLevel("WARNING")
    cfg = load_config(args.config, args.cfg_options, "last", composition_of(args))
    if args.json:
        check_writable(Path(args.json).resolve().parent)
    torch.set_num_threads(args.threads or available_cores())
    size, crop = IMAGE_SIZE, args.crop
    if args.synthetic and crop and not crops_images(cfg):
        size, crop = (crop, crop), None
    set_sizes(cfg, args.batch, crop)
    with tempfile.TemporaryDirectory() as folder:
        if args.synthetic:
            generate_sources(cfg, folder, size)
        result = benchmark(
            cfg,
            device=args.device,
            repeats=args.repeats,
            warmup=args.warmup,
            loader_seconds=args.loader_seconds,
            workers=args.workers,
        )
    print(to_text(result))
    if args.json:
        atomic_write(args.json, (json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    run_tool(main)
