"""Colours of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def default_palette(count: int) -> list[list[int]]:
    """Distinct colours for classes without a palette of their own.

    Args:
        count: Number of classes.

    Returns:
        RGB colours in 0..255; class 0 is black.
    """
    colours = [[0, 0, 0]]
    for index in range(1, count):
        # Bits of the index, spread over the channels from the highest bit down.
        bits = [(index >> bit) & 1 for bit in range(9)]
        colours.append(
            [sum(bits[c::3][i] << (7 - i) for i in range(3)) for c in range(3)]
        )
    return colours[:count]


def full_palette(colours: Sequence[Sequence[int]]) -> NDArray[np.uint8]:
    """The 256 entries of an indexed file's palette: the classes' colours, then black.

    Args:
        colours: RGB colour of each class, in 0..255.

    Returns:
        (256, 3), uint8.
    """
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    return palette
