"""Finds images that are in two lists."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.sources import file_key

from .parts import Item, Part
from .problem import Problem

HEAD = 65536


def find_overlaps(parts: Sequence[Part]) -> tuple[list[Problem], list[Problem]]:
    """Compare all pairs of lists that must not share an image.

    Training images must be neither validated nor tested. Labelled images may be among
    the unlabelled ones if the user allows it. Two sources with masks may share images.

    Returns:
        Problems, and those that may be allowed.
    """
    keys = [{file_key(item.image): item for item in part.items} for part in parts]
    problems: list[Problem] = []
    allowable: list[Problem] = []
    for i, first in enumerate(parts):
        for j in range(i + 1, len(parts)):
            second = parts[j]
            within_training = first.trains and second.trains
            if within_training and first.has_masks == second.has_masks:
                continue
            if not (first.trains or second.trains):
                continue
            same = [keys[i][key].image for key in keys[i].keys() & keys[j].keys()]
            copies = _copies(keys[i], keys[j])
            target = allowable if within_training else problems
            for names, word in ((same, "images"), (copies, "copies of images")):
                if names:
                    text = (
                        f"{first.name} and {second.name} share {len(names)} {word}: "
                        f"{shorten(sorted(map(_id, names)))}"
                    )
                    target.append(Problem("overlap", text))
    return problems, allowable


def _copies(first: dict[str, Item], second: dict[str, Item]) -> list[str]:
    """Images of the first list that have a copy with the same name in the second."""
    names = {_id(key): key for key in second}
    found = []
    for key in first.keys() - second.keys():
        other = names.get(_id(key))
        if other is not None and other not in first and _same_content(key, other):
            found.append(key)
    return found


def _same_content(first: str, second: str) -> bool:
    """Whether two files have the same size and begin with the same bytes."""
    try:
        if os.path.getsize(first) != os.path.getsize(second):
            return False
        heads = [_head(path) for path in (first, second)]
    except OSError:
        return False
    return heads[0] == heads[1] != b""


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD)


def _id(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
