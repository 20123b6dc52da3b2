r"""Writes predicted masks into a file for CVAT, Label Studio or COCO's tools.

STORE is a folder of pseudo-masks, what predict.py wrote, or, with --classes and
--images, any folder of masks. A stopped export goes on with the same command.

  export_masks.py predictions --format cvat --out masks.xml --confidence 0.9
"""

from __future__ import annotations

import argparse
import sys

from mmseg_semisup.annotation_files import Labels
from mmseg_semisup.annotation_files.label_studio import LOCAL_FILES
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.export.annotation_export import KINDS, Selection, export_masks
from mmseg_semisup.export.mask_folders import read_mask_folder


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", help="folder of masks")
    parser.add_argument("--format", required=True, choices=KINDS)
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="file to write; of png, a folder"
    )
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.0,
        metavar="P",
        help="leave out pixels of which the network is less sure, 0 to 1",
    )
    parser.add_argument(
        "--smallest",
        type=int,
        default=1,
        metavar="PIXELS",
        help="leave out connected regions of less pixels",
    )
    parser.add_argument(
        "--images", metavar="DIR", help="where the images are, if they were moved"
    )
    parser.add_argument("--classes", nargs="+", help="names, if no record has them")
    parser.add_argument(
        "--background",
        metavar="NAME",
        help="class of pixels without annotation, or none; default: the first class, "
        "if it is called background or the like",
    )
    parser.add_argument(
        "--ignored",
        metavar="NAME",
        help="annotate pixels that are unsure or ignored, under this name",
    )
    parser.add_argument(
        "--image-prefix",
        default=LOCAL_FILES,
        metavar="URL",
        help="Label Studio: what precedes the names of images in their addresses",
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    selection = Selection(args.confidence, args.smallest)
    folder = read_mask_folder(args.store, args.images, args.classes or ())
    labels = Labels.of(folder.classes, folder.palette, args.background, args.ignored)
    problems = export_masks(
        folder, args.out, args.format, labels, selection, args.image_prefix
    )
    print(f"{len(folder.files) - len(problems)} masks in {args.out}")
    for name, reason in problems.items():
        print(f"left out {printable(name, keep='')}: {reason}", file=sys.stderr)
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    run_tool(main)
