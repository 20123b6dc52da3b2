"""Finds images that are in two lists."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

from mmseg_semisup.core.plain_files import open_plain
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.sources import SourceDataset, file_key, infos

from .parts import Item, Part
from .problem import Problem

HEAD = 65536


def find_overlaps(parts: Sequence[Part]) -> dict[str, list[Problem]]:
    """Compare all pairs of lists that must not share an image.

    Training images must be neither validated nor tested, and labelled images not be
    among the unlabelled ones, unless the user allows it. Two sources with masks may
    share images.

    Returns:
        'overlap' (of labelled and unlabelled images) and 'validated', each to its
        problems.
    """
    keys = [{file_key(item.image): item for item in part.items} for part in parts]
    problems: dict[str, list[Problem]] = {"overlap": [], "validated": []}
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
            target = problems["overlap" if within_training else "validated"]
            for names, word in ((same, "images"), (copies, "copies of images")):
                if names:
                    text = (
                        f"{first.name} and {second.name} share {len(names)} {word}: "
                        f"{shorten(sorted(map(_id, names)))}"
                    )
                    target.append(Problem("overlap", text))
    return problems


def masks_as_images(parts: Sequence[Part]) -> list[Problem]:
    """Masks among the images without masks, as of a folder that is one level too high.

    They are files that other parts read as masks, and all files of a folder where masks
    alone are.
    """
    masked = [item for part in parts for item in part.items if item.mask is not None]
    masks = {file_key(item.mask) for item in masked if item.mask is not None}
    images = {os.path.dirname(file_key(item.image)) for item in masked}
    folders = {os.path.dirname(key) for key in masks} - images
    found = []
    for part in parts:
        if not part.trains or part.has_masks:
            continue
        keys = {file_key(item.image): item.image for item in part.items}
        wrong = [
            path
            for key, path in keys.items()
            if key in masks or os.path.dirname(key) in folders
        ]
        if wrong:
            text = (
                f"{part.name} has {len(wrong)} masks among its {len(keys)} images: "
                f"{shorten(sorted(wrong), 2)}; name the folder of the images alone"
            )
            found.append(Problem("mask-as-image", text))
    return found


def find_repeats(parts: Sequence[Part]) -> list[Problem]:
    """Images that a source has twice or more, and that count as often."""
    found = []
    for part in parts:
        times = Counter(file_key(item.image) for item in part.items)
        first = {file_key(item.image): item.image for item in reversed(part.items)}
        twice = [first[key] for key, number in times.items() if number > 1]
        if twice:
            text = (
                f"{part.name} has {len(twice)} of its {len(times)} images twice or "
                f"more, and they count as often: {shorten(sorted(map(_id, twice)))}"
            )
            found.append(Problem("repeated", text))
    return found


def shared_images(
    sources: Mapping[str, SourceDataset],
    masked: Mapping[str, bool],
    validation: SourceDataset | None,
) -> tuple[list[str], dict[str, str]]:
    """Compare lists of images by the paths of the files only, in built data sets.

    Args:
        sources: Name of each training source to its dataset.
        masked: Name of each source to whether it has masks.
        validation: The dataset that is validated, or None.

    Returns:
        Sentences about sources of which one has masks; and name of each source of
        which images are validated to a sentence.
    """
    keys = {name: image_keys(source) for name, source in sources.items()}
    overlaps: list[str] = []
    validated: dict[str, str] = {}
    names = list(keys)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if masked[first] != masked[second]:
                overlaps.append(_sentence(first, second, keys[first], keys[second]))
    if validation is not None:
        others = image_keys(validation)
        for name in names:
            sentence = _sentence(name, "validation", keys[name], others)
            if sentence:
                validated[name] = sentence
    return [text for text in overlaps if text], validated


def image_keys(source: SourceDataset) -> set[str]:
    """A key of each image of a dataset, equal for all paths to the same file."""
    return {file_key(info["img_path"]) for info in infos(source) if "img_path" in info}


def _sentence(first: str, second: str, own: set[str], other: set[str]) -> str:
    common = sorted(own & other)
    if not common:
        return ""
    return (
        f"{first} and {second} share {len(common)} images (of {len(own)} and "
        f"{len(other)}): {shorten([*map(_id, common)])}"
    )


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
    with open_plain(path) as file:
        return file.read(HEAD)


def _id(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
