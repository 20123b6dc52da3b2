"""Writes the student or the teacher as a plain MMSegmentation model.

A FusedSegmentor becomes one checkpoint, also if its parts have one each.
"""

from __future__ import annotations

import argparse

from mmengine.config import DictAction

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.export.plain_model import export, fused_checkpoint


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the training")
    parser.add_argument("checkpoint", nargs="?", help="its checkpoint")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--network",
        default="student",
        metavar="NAME",
        help="student (default), teacher, or another of model.networks",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="changes to the config, e.g. model.segmentor_checkpoint=A.pth",
    )
    add_trust_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    check_own_folder(args.out)
    check_writable(args.out)
    if args.checkpoint is None:
        checkpoint = fused_checkpoint(cfg)
    else:
        checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    exported = export(cfg, checkpoint, args.out, args.network)
    print(f"config:     {exported.config}\ncheckpoint: {exported.checkpoint}")
    if exported.own_parts:
        print(
            f"The model has parts that MMSegmentation lacks ("
            f"{', '.join(exported.own_parts)}): the config imports mmseg_semisup, "
            "which must be installed where it is used."
        )
    else:
        print("The model consists of MMSegmentation's own parts: it works without us.")


if __name__ == "__main__":
    run_tool(main)
