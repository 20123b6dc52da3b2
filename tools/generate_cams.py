"""Labels images of known classes by a classifier, and stores the labels as masks.

The folder has the same files as those of tools/generate_pseudo_masks.py. Pixels with an
activation between the two thresholds are 255, and ignored. The same command resumes an
interrupted run.
"""

from __future__ import annotations

import argparse

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.cli.pseudo_masks import add_mask_arguments, make_and_report
from mmseg_semisup.models.network_names import STUDENT, TEACHER
from mmseg_semisup.pseudo_masks import CamSettings


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    default = CamSettings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the classifier")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument(
        "--sources",
        nargs="+",
        metavar="NAME",
        default=list(default.sources),
        help="sources whose images get masks; their labels are read; default: weak",
    )
    parser.add_argument(
        "--network",
        choices=(STUDENT, TEACHER),
        help="network that makes the maps; default: the config's predict_with",
    )
    parser.add_argument(
        "--scales",
        nargs="+",
        type=float,
        default=list(default.scales),
        metavar="S",
        help="scales of the images, relative to their files; default: 1.0 0.5 1.5 2.0",
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
    add_mask_arguments(parser)
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
    make_and_report(args, cfg, data_cfg or cfg, settings)


if __name__ == "__main__":
    run_tool(main)
