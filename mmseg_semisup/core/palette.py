"""Colours of classes without a palette of their own."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FIRST = (
    (230, 25, 75),
    (60, 180, 75),
    (255, 225, 25),
    (0, 110, 220),
    (245, 130, 48),
    (110, 30, 180),
    (70, 240, 240),
)
"""Red, green, yellow, blue, orange, violet, turquoise."""

BACKGROUND = (60, 60, 60)
BACKGROUND_NAMES = ("background", "bg", "void", "other", "others", "unlabeled", "none")
TAKEN = (BACKGROUND, (0, 0, 0), (255, 255, 255), (224, 224, 224))
"""Background, black, paper, and the grey of ignored pixels."""

LEVELS = 11
LIGHTNESS = (25.0, 93.0)
GREATEST_CHROMA = 90.0
"""Leaves out glaring colours, such as pure green and pure blue."""

SRGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE = (0.95047, 1.0, 1.08883)
"""Reference white of the illuminant D65, in XYZ."""


def default_palette(count: int) -> list[list[int]]:
    """Colours that differ as much as possible, as the eye sees them.

    After the first seven, each colour is the one of a grid in RGB with the greatest
    distance in CIELAB from all before, from black, white and the grey of ignored
    pixels. The colours of fewer classes are the first ones of more classes.

    Args:
        count: Number of classes; after 256, the colours are repeated.

    Returns:
        RGB colours in 0..255.
    """
    colors = _colors()
    return [list(colors[index % len(colors)]) for index in range(count)]


def class_palette(names: Sequence[str]) -> list[list[int]]:
    """Colours for named classes: dark grey for a first class 'background', else bright.

    Args:
        names: Names of the classes, in order.

    Returns:
        RGB colours in 0..255.
    """
    if names and names[0].lower() in BACKGROUND_NAMES:
        return [list(BACKGROUND), *default_palette(len(names) - 1)]
    return default_palette(len(names))


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


@functools.cache
def _colors() -> tuple[tuple[int, ...], ...]:
    levels = np.linspace(0, 255, LEVELS).round()
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    places = _to_lab(grid)
    bright = (places[:, 0] > LIGHTNESS[0]) & (places[:, 0] < LIGHTNESS[1])
    bright &= np.linalg.norm(places[:, 1:], axis=1) < GREATEST_CHROMA
    grid, places = grid[bright], places[bright]
    found: list[tuple[int, ...]] = list(FIRST)
    given = _to_lab(np.array([*TAKEN, *FIRST], float))
    distance = np.linalg.norm(places[:, None] - given, axis=2).min(axis=1)
    while len(found) < 256:
        best = int(distance.argmax())
        found.append(tuple(int(value) for value in grid[best]))
        distance = np.minimum(distance, np.linalg.norm(places - places[best], axis=1))
    return tuple(found)


def _to_lab(colors: NDArray[np.floating]) -> NDArray[np.floating]:
    """RGB colours (N, 3), in 0..255, as CIELAB with the illuminant D65."""
    scaled = colors / 255
    linear = np.where(
        scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4
    )
    xyz = linear @ np.array(SRGB_TO_XYZ).T / WHITE
    curve = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * 841 / 108 + 4 / 29)
    x, y, z = curve.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
