"""Prints the whole config of a training, and where each value comes from.

A line is `path = value  # origin`; the path is what --cfg-options takes. The origin is
a file of the config or of its bases, the encoder, the method, the command line, or the
composition of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmseg_semisup.cli.config import add_method_arguments, composition_of
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.composition import COMPOSED, read_config, with_encoder
from mmseg_semisup.composition.origins import leaves, origin_of
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.config import RUNNER_KEYS, find_config
from mmseg_semisup.core.config_file import read_file, write_config

WIDTH = 72


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="path of a config, or name of a shipped one")
    parser.add_argument(
        "--out", metavar="FILE", help="write the config to this file, which can train"
    )
    parser.add_argument(
        "--only",
        metavar="PATH",
        default="",
        help="print only what is below this path, e.g. model.objectives",
    )
    parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    add_method_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    composition = composition_of(args)
    composed, record = read_config(args.config, args.cfg_options, **composition)
    if args.out:
        check_writable(Path(args.out).resolve().parent)
        write_config(composed, Path(args.out))
    plain = read_file(find_config(args.config))
    source = (composed.get(COMPOSED) or {}).get("source") or {}
    encoded = with_encoder(plain, source.get("encoder"))
    configs = (plain, composed, encoded)
    for path, value in leaves(composed._cfg_dict.to_dict()):
        if path.partition(".")[0] not in RUNNER_KEYS:
            continue  # a variable of the file
        if path == args.only or path.startswith(f"{args.only}." if args.only else ""):
            line = f"{path} = {value!r}"
            origin = origin_of(path, value, *configs, args.cfg_options or ())
            print(f"{line:{WIDTH}}  # {origin}")
    for note in record.notes:
        print(f"# {note}")


if __name__ == "__main__":
    run_tool(main)
