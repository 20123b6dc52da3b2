"""Writes a trained network with a model card, and uploads it if asked to."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.models.network_names import predicting_name
from mmseg_semisup.publish.folder import publish
from mmseg_semisup.publish.hub import check_repository, hub_library, push


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the training")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="student, teacher, or another of model.networks; default: that which the "
        "config tests",
    )
    parser.add_argument(
        "--work-dir",
        metavar="DIR",
        help="folder of the training's logs; otherwise that of the checkpoint",
    )
    parser.add_argument("--title", help="name of the model; otherwise the config's")
    parser.add_argument(
        "--licence",
        default="",
        metavar="ID",
        help="licence of the weights as the hub names it, e.g. apache-2.0",
    )
    parser.add_argument(
        "--push-to",
        metavar="OWNER/NAME",
        help="upload the files to this repository of the Hugging Face hub, too",
    )
    parser.add_argument(
        "--public",
        action="store_true",
        help="a new repository of --push-to can be seen by everybody",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="changes to the config as key=value",
    )
    add_trust_argument(parser)
    args = parser.parse_args()
    if args.public and args.push_to is None:
        parser.error("--public needs --push-to")
    return args


def main() -> None:
    """Run the tool."""
    args = parse_args()
    if args.push_to is not None:
        check_repository(args.push_to)
        hub_library()
    cfg = load_config(args.config, args.cfg_options)
    check_own_folder(args.out)
    check_writable(args.out)
    checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    files = publish(
        cfg,
        checkpoint,
        Path(args.work_dir or Path(args.checkpoint).parent),
        Path(args.out),
        args.network or predicting_name(cfg.model),
        args.title or Path(args.config).stem,
        args.licence,
    )
    for file in files:
        print(file)
    if args.push_to is not None:
        print(push(files, args.push_to, private=not args.public))


if __name__ == "__main__":
    run_tool(main)
