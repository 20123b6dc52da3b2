"""Ranks unlabelled images by their need of a mask, and picks a batch to label next.

Writes label_next.csv with numbers and reasons, sheets/*.jpg with predictions and
uncertainty, images.txt for an annotation tool, and labeled.txt for --labeled once the
masks exist. docs/label_next.md explains the criteria. The same command resumes an
interrupted run, and picks again at once with another count, strategy or seed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.label_next.candidates import list_candidates
from mmseg_semisup.label_next.run import label_next
from mmseg_semisup.label_next.strategies import DEFAULT, STRATEGIES
from mmseg_semisup.pseudo_masks.progress import show_progress


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config of the training, or an exported one")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument(
        "--images",
        nargs="+",
        default=(),
        metavar="PATH",
        help="folders, files, or text files of image paths; default: the unlabelled "
        "images of the config. Those that are labelled, validated or tested are left "
        "out",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--count", type=int, default=50, help="images to pick (default: 50)"
    )
    parser.add_argument(
        "--strategy",
        choices=list(STRATEGIES),
        default=DEFAULT,
        help=f"what the need of a mask is; default: {DEFAULT}",
    )
    parser.add_argument(
        "--candidates",
        type=int,
        metavar="N",
        help="only the N x COUNT neediest images are candidates; 1: they are picked "
        "themselves, alike or not (default: all images are)",
    )
    parser.add_argument(
        "--network",
        action="append",
        metavar="NAME",
        help="student, teacher, or another of model.networks; given several times, "
        "their disagreement counts, and the first one predicts; default: all networks",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of random numbers")
    parser.add_argument("--batch-size", type=int, default=8, help="images in a pass")
    parser.add_argument("--threads", type=int, default=4, help="threads that load")
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    add_trust_argument(parser)
    args = parser.parse_args()
    for name in ("count", "candidates", "batch_size", "threads"):
        value = getattr(args, name)
        if value is not None and value < 1:
            option = name.replace("_", "-")
            parser.error(f"--{option} {value}: must be at least 1")
    return args


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(args.config)
    candidates = list_candidates(load_config(args.config, stages="base"), args.images)
    check_own_folder(args.out)
    check_writable(args.out)
    done = label_next(
        cfg,
        args.checkpoint,
        candidates,
        Path(args.out),
        count=args.count,
        strategy=args.strategy,
        candidates_per_image=args.candidates,
        seed=args.seed,
        networks=args.network,
        device=args.device,
        batch_size=args.batch_size,
        threads=args.threads,
        trust=args.trust_checkpoint,
        report=show_progress,
    )
    print(f"\n{done.chosen} of {len(candidates.unlabeled)} images chosen: {args.out}")
    for note in done.notes:
        print(note)
    for path, reason in done.failed.items():
        print(f"skipped {path}: {reason}", file=sys.stderr)
    if done.failed:
        raise SystemExit(1)


if __name__ == "__main__":
    run_tool(main)
