"""Compares the directional contrastive loss with a straightforward implementation.

It measures forward and backward of both, in turn, on random features; the memory in
addition to the inputs; and the relative error against float64.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from mmseg_semisup.benchmark.contrast import benchmark_contrast
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import atomic_write, check_writable
from mmseg_semisup.core.cpu import available_cores


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--pixels", type=int, default=6400, help="pixels of the overlap"
    )
    parser.add_argument("--negatives", type=int, default=25600)
    parser.add_argument(
        "--channels", type=int, default=128, help="channels of the features"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--threads", type=int, help="threads of torch; default: all cores"
    )
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="also write the figures to this file"
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    if args.json:
        check_writable(Path(args.json).resolve().parent)
    torch.set_num_threads(args.threads or available_cores())
    result = benchmark_contrast(
        args.pixels, args.negatives, args.channels, args.device, args.repeats
    )
    print(
        f"{result['pixels']} pixels, {result['pulled']:.0%} of them pulled, "
        f"{result['negatives']} negatives, {result['channels']} channels; "
        f"{result['device']}, {result['threads']} threads, torch {result['torch']}"
    )
    for name, seconds in result["wall_s"].items():
        processor = result["processor_s"][name]
        print(f"{name:16} {seconds:8.3f} s, processor {processor:8.3f} s")
    print(
        f"faster by          {result['speedup']:.1f} (clock), "
        f"{result['processor_speedup']:.1f} (processor)\n"
        f"extra memory       {result['memory_mb']:.0f} MB\n"
        f"relative error     loss {result['loss_error']:.1e}, "
        f"gradient {result['gradient_error']:.1e}"
    )
    if args.json:
        atomic_write(args.json, (json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    run_tool(main)
