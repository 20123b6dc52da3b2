"""Trains the model of a config, in one stage or several.

For a config with ``stages``, they run in order, with the pseudo-masks in between. The
same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse

from mmseg_semisup.cli.config import (
    add_method_arguments,
    composition_of,
    load_config,
)
from mmseg_semisup.cli.launch import (
    add_common_arguments,
    init_processes,
    run_tool,
    set_launcher,
    set_work_dir,
    writing_into,
)
from mmseg_semisup.core.checkpoint import use_safe_checkpoints
from mmseg_semisup.core.config import find_config
from mmseg_semisup.core.distributed import locked
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.dry_run import train
from mmseg_semisup.engine.resume import set_checkpoint
from mmseg_semisup.engine.runner import build_runner, set_precision
from mmseg_semisup.stages import has_stages, train_stages


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
        help="resume this checkpoint; without a value, the last one in the work-dir, "
        "or start a new training if there is none",
    )
    parser.add_argument(
        "--accept-changes",
        nargs="?",
        const="changes",
        choices=("changes", "optimizer"),
        metavar="optimizer",
        help="resume although the config has changed; with 'optimizer', its optimizers "
        "and schedules count instead of the checkpoint's",
    )
    parser.add_argument(
        "--load-from",
        metavar="CHECKPOINT",
        help="take the first weights from this checkpoint, if nothing is resumed",
    )
    parser.add_argument(
        "--job",
        metavar="NUMBER",
        help="number of a cluster's job, the same in each start: a restarted job "
        "resumes the last checkpoint that it has written, if there is one; stages "
        "always resume",
    )
    parser.add_argument(
        "--amp",
        action="store_true",
        help="mixed precision: float16 on CUDA, bfloat16 on a CPU",
    )
    add_method_arguments(parser)
    parser.add_argument(
        "--dry-run",
        action=argparse.BooleanOptionalAction,
        help="only check the data, draw first_batch.png and take a step of which "
        "nothing stays; every training begins with it unless --no-dry-run is given",
    )
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    path = find_config(args.config)
    cfg = load_config(path, args.cfg_options, "keep", composition_of(args))
    set_work_dir(cfg, args.work_dir, path)
    in_stages = has_stages(cfg)
    dry_run = {None: "first", True: "only", False: "off"}[args.dry_run]
    if in_stages and args.resume not in (None, "auto"):
        raise ConfigError(
            "--resume CHECKPOINT: stages go on from their own checkpoints"
        )
    accept = args.accept_changes
    if accept and not in_stages and args.resume is None and args.job is None:
        raise ConfigError("--accept-changes: nothing is resumed; give --resume, too")
    if args.amp and not in_stages:
        set_precision(cfg)
    use_safe_checkpoints(trust=args.trust_checkpoint)
    set_launcher(cfg, args.launcher, args.local_rank)
    init_processes(cfg)
    with locked(cfg.work_dir), writing_into(cfg.work_dir):
        if in_stages:
            trust = args.trust_checkpoint
            train_stages(cfg, args.load_from, trust, args.amp, dry_run, accept)
        else:
            trust = args.trust_checkpoint
            set_checkpoint(cfg, args.resume, args.load_from, trust, args.job)
            train(build_runner(cfg, cfg.resume, accept), dry_run)


if __name__ == "__main__":
    run_tool(main)
