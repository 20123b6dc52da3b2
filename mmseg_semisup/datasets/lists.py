"""Reads lists of ids, and finds the files of a folder by their ids.

The id of a file is its path below its folder, with ``/``, without its suffix.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmseg_semisup.core.plain_files import read_plain

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")


def read_ids(path: str | Path) -> list[str]:
    """Read the ids of a text file, one a line, without empty lines.

    Raises:
        ValueError: If there is no such file, or it is not text.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no list of ids {path}")
    try:
        lines = read_plain(path).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file of ids") from error
    return [line.strip() for line in lines if line.strip()]


def read_image_list(path: str) -> list[str]:
    """Read the paths of images of a text file, one a line, relative to its folder.

    Raises:
        ValueError: If there is no such file, it is not text, or an image is missing.
    """
    folder = os.path.dirname(path)
    images = [os.path.join(folder, name) for name in read_ids(path)]
    missing = [image for image in images if not os.path.isfile(image)]
    if missing:
        raise ValueError(
            f"{path}: there are no files for {len(missing)} of {len(images)} "
            f"lines, among them {missing[:3]}; a line is the path of an image, "
            f"relative to {folder or '.'}"
        )
    return images


def strip_suffix(name: str, suffixes: Sequence[str]) -> str:
    """Remove the longest matching suffix from a name; case does not matter."""
    lower = name.lower()
    ends = [s for s in suffixes if lower.endswith(s.lower()) and len(s) < len(name)]
    return name[: -max(map(len, ends))] if ends else name


def drop_suffixes(names: Sequence[Path]) -> list[Path]:
    """Remove the suffixes of names, unless two names differ only in them."""
    stems = Counter(name.with_suffix("") for name in names)
    return [
        name if stems[name.with_suffix("")] > 1 else name.with_suffix("")
        for name in names
    ]


def image_ids(paths: Sequence[str]) -> list[str]:
    """Name images by their paths below their common folder.

    The suffix is left out, unless two images differ only in it.
    """
    whole = [os.path.abspath(path) for path in paths]
    folder = os.path.commonpath([os.path.dirname(path) for path in whole])
    names = [Path(os.path.relpath(path, folder)) for path in whole]
    return [name.as_posix() for name in drop_suffixes(names)]


def scan_folder(folder: str | Path, suffixes: Sequence[str]) -> dict[str, str]:
    """Find all files with one of the suffixes: id to path below the folder.

    Subfolders are searched, too. Names that begin with a dot are left out.

    Raises:
        ValueError: If there is no such folder, or two files have the same id.
    """
    if not os.path.isdir(folder):
        raise ValueError(f"there is no folder {folder}")
    wanted = tuple(suffix.lower() for suffix in suffixes)
    found: dict[str, str] = {}
    for name in sorted(_walk(str(folder), "")):
        if not name.lower().endswith(wanted):
            continue
        key = strip_suffix(name, wanted)
        if key in found:
            raise ValueError(
                f"{folder}: {found[key]} and {name} have the same id {key!r}; remove "
                "one, or name the suffix that counts"
            )
        found[key] = name
    return found


def _walk(folder: str, below: str) -> Iterator[str]:
    with os.scandir(os.path.join(folder, below)) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{below}{entry.name}"
            if entry.is_dir():
                yield from _walk(folder, f"{name}/")
            else:
                yield name
