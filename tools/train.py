"""Trains the model of a config."""

from __future__ import annotations

import argparse

from mmseg_semisup.engine.checkpoint import use_safe_checkpoints
from mmseg_semisup.engine.config import find_config, load_config
from mmseg_semisup.engine.launch import (
    add_common_arguments,
    build_runner,
    run_tool,
    set_checkpoint,
    set_launcher,
    set_precision,
    set_work_dir,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="path of a config, or name of a shipped one")
    parser.add_argument("--work-dir", help="folder for logs and checkpoints")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="go on from this checkpoint; without a value, from the last one in the "
        "work-dir, or anew if there is none",
    )
    parser.add_argument(
        "--load-from",
        metavar="CHECKPOINT",
        help="take the first weights from this checkpoint, if nothing is resumed",
    )
    parser.add_argument(
        "--amp",
        action="store_true",
        help="mixed precision: float16 on CUDA, bfloat16 on a CPU",
    )
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    path = find_config(args.config)
    cfg = load_config(path, args.cfg_options)
    set_work_dir(cfg, args.work_dir, path)
    set_checkpoint(cfg, args.resume, args.load_from)
    if args.amp:
        set_precision(cfg)
    use_safe_checkpoints(trust=args.trust_checkpoint)
    set_launcher(cfg, args.launcher, args.local_rank)
    build_runner(cfg, strict=cfg.resume).train()


if __name__ == "__main__":
    run_tool(main)
