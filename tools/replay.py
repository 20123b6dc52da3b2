"""Repeats a training step that went wrong, and shows where its first NaN begins.

A training that stops because a loss or gradient is not finite names the file.
"""

from __future__ import annotations

import argparse

from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.replay import replay


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="failed_step.pth in the work-dir of the training")
    parser.add_argument(
        "--device", default="cpu", help="where to compute, e.g. cuda; default: cpu"
    )
    add_trust_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    print(replay(args.file, args.device, args.trust_checkpoint))


if __name__ == "__main__":
    run_tool(main)
