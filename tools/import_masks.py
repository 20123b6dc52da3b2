r"""Makes masks to train with of an export of CVAT, Label Studio or COCO's tools.

Writes OUT/masks/ID.png and OUT/labeled.txt, the list of their images, which stay as
they are. `train.py --labeled OUT` trains with them.

  import_masks.py annotations.xml --images photos --store predictions --out corrected
"""

from __future__ import annotations

import argparse
import sys

from mmseg_semisup.annotation_files import Labels
from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.checks.content import Clock
from mmseg_semisup.datasets.image_names import ImageNames
from mmseg_semisup.datasets.labeled_folder import LIST
from mmseg_semisup.export.annotation_import import (
    count_images,
    import_masks,
    read_drawings,
)
from mmseg_semisup.export.mask_folders import read_mask_folder


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "file", help="'CVAT for images 1.1' (XML), Label Studio or COCO (JSON)"
    )
    parser.add_argument("--images", required=True, metavar="DIR", help="the images")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    classes = parser.add_mutually_exclusive_group(required=True)
    classes.add_argument(
        "--store", metavar="DIR", help="the folder that export_masks.py wrote from"
    )
    classes.add_argument(
        "--classes", nargs="+", help="names in the order of their numbers"
    )
    parser.add_argument(
        "--background",
        metavar="NAME",
        help="class of pixels without annotation, or none: they are ignored; default: "
        "the first class, if it is called background or the like",
    )
    parser.add_argument(
        "--ignored", metavar="NAME", help="name of pixels that do not count"
    )
    parser.add_argument(
        "--rename",
        nargs="+",
        default=[],
        metavar="TOOL=CLASS",
        help="classes that have other names in the tool; none: left out",
    )
    parser.add_argument(
        "--predictions",
        action="store_true",
        help="Label Studio: take predictions of images that nobody annotated",
    )
    parser.add_argument("--force", action="store_true", help="replace present masks")
    return parser.parse_args()


def renamed(pairs: list[str]) -> dict[str, str]:
    """Names in the tool to names of classes.

    Raises:
        ConfigError: If a pair has no '='.
    """
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise ConfigError(f"--rename {wrong[0]!r}; allowed: TOOL=CLASS")
    return {tool: own for tool, _, own in (pair.rpartition("=") for pair in pairs)}


def main() -> None:
    """Run the tool."""
    args = parse_args()
    if args.store:
        folder = read_mask_folder(args.store)
        known = folder.classes, folder.palette
    else:
        known = args.classes, ()
    labels = Labels.of(*known, args.background, args.ignored)
    images = ImageNames(args.images)
    drawings = read_drawings(args.file, args.predictions)
    check_writable(args.out)
    clock = Clock(count_images(args.file), print)
    found = import_masks(
        *(drawings, images, args.out, labels, renamed(args.rename), args.force),
        clock.advance,
    )
    print(f"{len(found.ids)} masks in {args.out}/masks, listed in {args.out}/{LIST}")
    if found.bare:
        rest = labels.background
        name = "ignored" if rest is None else labels.names[rest]
        print(
            f"{found.bare} of them have no annotation: all their pixels are {name}",
            file=sys.stderr,
        )
    for problem in found.problems:
        print(f"left out {problem}", file=sys.stderr)
    if found.problems or not found.ids:
        raise SystemExit(1)


if __name__ == "__main__":
    run_tool(main)
