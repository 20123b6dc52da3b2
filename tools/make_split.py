r"""Draws the images of a list that are to be labelled, and writes lists of ids.

For 1/8, 1_8_labeled.txt and 1_8_unlabeled.txt are written, and so on. Smaller fractions
are part of larger ones. With --masks, the labelled images show every class that any
image shows, and a table lists the numbers of images. The same ids and the same seed
always give the same lists.

  make_split.py --masks data/my/masks --num-classes 5 --fractions 1/8 1/4 \
      --out data/my/splits
  make_split.py --list split:voc12aug/train_aug.txt --fractions 100 200 --out splits
  make_split.py --images data/cityscapes/leftImg8bit/train \
      --image-suffix _leftImg8bit.png --fractions 1/8 --out splits \
      --order split:cityscapes/mittal_permutation_indices.txt
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.atomic_io import atomic_write, check_writable
from mmseg_semisup.core.cpu import available_cores
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.count_pixels import count_pixels
from mmseg_semisup.datasets.draw_split import apply_order, draw_order, parse_size
from mmseg_semisup.datasets.lists import (
    IMAGE_SUFFIXES,
    MASK_SUFFIXES,
    read_ids,
    scan_folder,
    strip_suffix,
)
from mmseg_semisup.datasets.splits import split_path

KINDS = ("labeled", "unlabeled")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ids = parser.add_argument_group("ids: from a list, or else from a folder")
    ids.add_argument("--list", help="text file of all ids, or split:FOLDER/FILE")
    ids.add_argument("--images", metavar="DIR", help="folder of images")
    ids.add_argument("--image-suffix", help="suffix of their names; default: any image")
    ids.add_argument("--masks", metavar="DIR", help="folder of masks")
    ids.add_argument("--mask-suffix", help="suffix of their names; default: any image")
    classes = parser.add_mutually_exclusive_group()
    classes.add_argument("--num-classes", type=int, help="N; masks hold 0 to N - 1")
    classes.add_argument("--classes", nargs="+", help="or the names of the classes")
    parser.add_argument(
        "--ignore-index", type=int, default=255, help="label of ignored pixels"
    )
    parser.add_argument(
        "--fractions",
        nargs="+",
        required=True,
        metavar="F",
        help="shares of images to label, e.g. 1/8 or 0.125, or numbers, e.g. 100",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--order",
        help="do not draw: label the first images of this list of ids, or of positions "
        "in the sorted ids",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--force", action="store_true", help="overwrite existing lists")
    parser.add_argument(
        "--workers",
        type=int,
        default=available_cores(),
        help="processes that read masks",
    )
    return parser.parse_args()


def collect_ids(args: argparse.Namespace) -> list[str]:
    """Read all ids, and sort them.

    Raises:
        ValueError: If there are none, or one occurs twice.
    """
    image_suffixes = [args.image_suffix] if args.image_suffix else IMAGE_SUFFIXES
    if args.list:
        names = read_ids(split_path(args.list))
        ids = [strip_suffix(name, image_suffixes) for name in names]
        source = args.list
    elif args.images:
        ids, source = list(scan_folder(args.images, image_suffixes)), args.images
    elif args.masks:
        ids, source = list(scan_folder(args.masks, mask_suffixes(args))), args.masks
    else:
        raise ValueError("one of --list, --images and --masks must be there")
    if not ids:
        raise ValueError(f"no ids in {source}")
    twice = [name for name, n in Counter(ids).items() if n > 1]
    if twice:
        raise ValueError(f"{source} has ids more than once: {shorten(twice)}")
    return sorted(ids)


def mask_suffixes(args: argparse.Namespace) -> Sequence[str]:
    """Suffixes of the masks."""
    return [args.mask_suffix] if args.mask_suffix else MASK_SUFFIXES


def count_classes(args: argparse.Namespace, ids: Sequence[str]) -> np.ndarray:
    """Count the pixels of each class in the masks, (N, C); C is 0 without masks.

    Raises:
        ValueError: If masks are missing or wrong.
    """
    if not args.masks:
        return np.zeros((len(ids), 0), np.int64)
    number = len(args.classes) if args.classes else args.num_classes
    if not number or number < 1:
        raise ValueError("--masks needs --classes or --num-classes")
    masks = scan_folder(args.masks, mask_suffixes(args))
    missing = [name for name in ids if name not in masks]
    if missing:
        raise ValueError(f"no mask in {args.masks} for {shorten(missing)}")
    paths = [str(Path(args.masks, masks[name])) for name in ids]
    return count_pixels(
        paths, number, args.ignore_index, args.workers, lambda line: print(line)
    )


def describe(
    pixels: np.ndarray,
    order: Sequence[int],
    sizes: dict[str, int],
    names: Sequence[str],
) -> str:
    """Format a table of images and pixels of each class; list the missing classes."""
    sets = {"all": list(order)}
    sets.update({text: list(order[:size]) for text, size in sizes.items()})
    lines = [
        f"{'images (share of pixels)':<26}"
        + "".join(f"{text + f' ({len(chosen)})':>20}" for text, chosen in sets.items())
    ]
    for label, name in enumerate(names):
        line = f"{label:>3} {name:<22}"
        for chosen in sets.values():
            total = max(int(pixels[chosen].sum()), 1)
            images = np.count_nonzero(pixels[chosen, label])
            share = pixels[chosen, label].sum() / total
            line += f"{f'{images} ({share:.2%})':>20}"
        lines.append(line)
    totals = pixels.sum(0)
    nowhere = [name for name, n in zip(names, totals, strict=True) if n == 0]
    if nowhere:
        lines.append(f"warning: no image at all shows {shorten(nowhere, 20)}")
    for text in sizes:
        shown = pixels[sets[text]].any(0)
        absent = [names[i] for i in np.flatnonzero((totals > 0) & ~shown).tolist()]
        if absent:
            lines.append(f"warning: {text} does not show {shorten(absent, 20)}")
    return "\n".join(lines)


def make_split(args: argparse.Namespace) -> None:
    """Draw the splits, write and report them.

    Raises:
        ValueError: If an argument or a file is wrong.
        ConfigError: If lists exist or cannot be written.
    """
    ids = collect_ids(args)
    sizes = {text: parse_size(text, len(ids)) for text in args.fractions}
    sizes = dict(sorted(sizes.items(), key=lambda item: item[1]))
    out = Path(args.out)
    files = {
        text: [out / f"{text.replace('/', '_')}_{kind}.txt" for kind in KINDS]
        for text in sizes
    }
    existing = [str(f) for pair in files.values() for f in pair if f.exists()]
    if existing and not args.force:
        raise ConfigError(f"{shorten(existing)} exist; --force writes over them")
    check_writable(out)
    pixels = count_classes(args, ids)
    if args.order:
        order = apply_order(ids, read_ids(split_path(args.order)))
    else:
        order = draw_order(pixels > 0, list(sizes.values()), args.seed)
    for text, size in sizes.items():
        labeled = set(order[:size])
        for path, wanted in zip(files[text], (True, False), strict=True):
            chosen = [n for i, n in enumerate(ids) if (i in labeled) is wanted]
            atomic_write(path, "".join(f"{name}\n" for name in chosen).encode())
            print(f"{path}: {len(chosen)} ids")
    if args.masks:
        names = args.classes or [str(i) for i in range(pixels.shape[1])]
        print(describe(pixels, order, sizes, names))
    elif not args.order:
        print("without --masks, nobody has looked whether all classes are there")


def main() -> None:
    """Run the tool."""
    try:
        make_split(parse_args())
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from error


if __name__ == "__main__":
    run_tool(main)
