"""Checks the lists, images and masks that a config names; exit code 1 for problems.

The cheap checks read lists and headers of files: images in two lists, missing files,
masks of another size or with colours. With --full, every file is loaded as in training:
unreadable files, mask values that are no class, classes without a labelled image.
Without problems, the views of a batch are drawn into first_batch.png in the work-dir,
and sizes, classes and probable mistakes listed, as a training does when it begins.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction
from mmengine.registry import init_default_scope
from mmseg.registry import HOOKS

from mmseg_semisup.cli.config import (
    add_method_arguments,
    composition_of,
    load_config,
)
from mmseg_semisup.cli.launch import run_tool, set_work_dir
from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.datasets.checks import ALLOWABLE, check_data
from mmseg_semisup.dry_run import PICTURE, inspect_data
from mmseg_semisup.engine.hooks import DataCheckHook


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="path of a config, or name of a shipped one")
    parser.add_argument(
        "--full", action="store_true", help="load every image and mask, too"
    )
    parser.add_argument(
        "--workers",
        type=_positive,
        help="processes that load (default: one for each core)",
    )
    parser.add_argument(
        "--allow",
        nargs="+",
        default=[],
        choices=ALLOWABLE,
        help="problems to allow in addition to those that DataCheckHook allows",
    )
    parser.add_argument(
        "--work-dir", help="folder for first_batch.png, as in tools/train.py"
    )
    parser.add_argument(
        "--limit",
        type=_positive,
        default=10,
        help="greatest number of lines for each kind of problem (default: 10)",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="changes to the config as key=value",
    )
    add_method_arguments(parser)
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, "base", composition_of(args))
    init_default_scope(cfg.get("default_scope", "mmseg"))
    allow = set(args.allow)
    for hook in cfg.get("custom_hooks") or ():
        if is_type(hook, HOOKS, DataCheckHook):
            allow.update(hook.get("allow", ()))
    report = check_data(
        cfg,
        level="full" if args.full else "cheap",
        allow=sorted(allow),
        workers=args.workers,
        report=lambda line: print(line, flush=True),
    )
    print(report.text(args.limit))
    if report.table():
        print(report.table())
    if report.problems:
        sys.exit(1)
    set_work_dir(cfg, args.work_dir, args.config)
    print(inspect_data(cfg, Path(cfg.work_dir, PICTURE), allow).text())
    if not args.full:
        print("--full also loads the files and looks at the values of masks")


if __name__ == "__main__":
    run_tool(main)
