"""Draws the images that get masks: nested random splits that show all classes.

``presence`` is (N, C), bool, throughout: whether image n shows class c.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from mmseg_semisup.core.text import shorten


def parse_size(text: str, total: int) -> int:
    """Convert '1/8', '0.125' or '100' to a number of images.

    Args:
        text: A fraction between 0 and 1, which is rounded, or a number of images.
        total: Number of all images.

    Raises:
        ValueError: If it is none of these, or leaves no image with or without a mask.
    """
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(
            f"{text!r} is neither a fraction, as 1/8 or 0.125, nor a number of images"
        ) from error
    size = round(value * total) if value < 1 else int(value)
    if (value >= 1 and value.denominator > 1) or not 0 < size < total:
        raise ValueError(
            f"{text!r} of {total} images are {size}; there must be at least one image "
            "with and one without a mask"
        )
    return size


def apply_order(ids: Sequence[str], entries: Sequence[str]) -> list[int]:
    """Convert a published order to positions in ``ids``.

    Args:
        ids: All ids, sorted.
        entries: The same ids in another order, or their positions from 0.

    Raises:
        ValueError: If it is not an order of these ids.
    """
    place = {name: i for i, name in enumerate(ids)}
    if set(entries) == set(ids) and len(entries) == len(ids):
        return [place[entry] for entry in entries]
    if all(entry.isdecimal() for entry in entries):
        order = [int(entry) for entry in entries]
        if sorted(order) == list(range(len(ids))):
            return order
        raise ValueError(
            f"the order has {len(order)} positions up to {max(order, default=0)}, but "
            f"there are {len(ids)} ids"
        )
    missing = sorted(set(ids) - set(entries))
    extra = sorted(set(entries) - set(ids))
    twice = [name for name, n in Counter(entries).items() if n > 1]
    words = (("not in it", missing), ("only in it", extra), ("twice in it", twice))
    raise ValueError(
        "the order is not one of these ids: "
        + "; ".join(f"{word}: {shorten(names)}" for word, names in words if names)
    )


def draw_order(presence: np.ndarray, sizes: Sequence[int], seed: int) -> list[int]:
    """Draw an order of images in which the first ones show all classes.

    Images are shuffled. Then, for each size, if the first images miss a class, later
    images replace some of them whose classes others show, too.

    Args:
        presence: Classes of each image, (N, C); C may be 0.
        sizes: Numbers of labelled images, increasing.
        seed: Seed of the shuffling.

    Returns:
        All N positions; the first ``size`` of them are to be labelled, for each size.
    """
    # The only generator of numpy whose numbers are guaranteed to stay the same.
    order = np.random.RandomState(seed).permutation(len(presence)).tolist()
    fixed = 0
    for size in sizes:
        _swap_in(order, fixed, size, presence)
        if _missing(order[:size], presence).any():
            covering = _cover(order, fixed, size, presence)
            if _missing(covering[:size], presence).sum() < (
                _missing(order[:size], presence).sum()
            ):
                order = covering
        fixed = size
    return order


def _missing(chosen: Sequence[int], presence: np.ndarray) -> np.ndarray:
    """Classes, (C,), bool, that some image shows, but none of the chosen ones."""
    return np.asarray(presence.any(0) & ~presence[list(chosen)].any(0))


def _swap_in(order: list[int], fixed: int, size: int, presence: np.ndarray) -> None:
    """Exchange images in ``order[fixed:size]`` for later ones, rarest class first."""
    counts = presence[order[:size]].sum(0)
    for label in np.argsort(presence.sum(0), kind="stable"):
        if counts[label] or not presence[:, label].any():
            continue
        behind = [p for p in range(size, len(order)) if presence[order[p], label]]
        gains = [(presence[order[p]] & (counts == 0)).sum() for p in behind]
        new = behind[int(np.argmax(gains))]
        after = counts + presence[order[new]]
        for old in range(size - 1, fixed - 1, -1):
            if (after[presence[order[old]]] > 1).all():
                counts = after - presence[order[old]]
                order[old], order[new] = order[new], order[old]
                break


def _cover(
    order: Sequence[int], fixed: int, size: int, presence: np.ndarray
) -> list[int]:
    """A greedy order: each next image shows the most classes that are still missing."""
    front, rest = list(order[:fixed]), list(order[fixed:])
    missing = _missing(front, presence) if front else presence.any(0)
    while missing.any() and len(front) < size:
        gains = (presence[rest] & missing).sum(1)
        image = rest.pop(int(np.argmax(gains)))
        front.append(image)
        missing &= ~presence[image]
    return front + rest
