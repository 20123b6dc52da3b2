"""Legends of colours, scales of maps, and figures of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .lettering import SIZE, enlargement, text_width, write_text
from .panels import IGNORED_COLOR, color_map, stack_rows

LINE = 22
SWATCH = 13
SPACE = 18
BAR = 120
EDGE = (110, 110, 110)
LEAST_WIDTH = 240
IGNORED = "ignored"


def finish_picture(
    rows: Sequence[np.ndarray],
    entries: Mapping[str, Sequence[int]],
    maps: Sequence[str] = (),
    more: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
) -> np.ndarray:
    """Stack rows above the legend of their colours and the scale of their maps.

    Args:
        rows: (H, W, 3), uint8, RGB, of any sizes.
        entries: Name to colour (R, G, B), in 0..255; no names, no legend.
        maps: Names of the quantities that :func:`color_map` draws in the rows.
        more: Title of a further legend to its entries.

    Returns:
        (H', W', 3), uint8, RGB.
    """
    body = stack_rows(rows)
    width = max(body.shape[1], LEAST_WIDTH)
    parts = [body]
    if entries:
        parts.append(draw_legend(entries, width))
    for title, others in (more or {}).items():
        parts.append(draw_legend(others, width, title))
    if maps:
        parts.append(draw_scale(" and ".join(maps), width))
    return stack_rows(parts, gap=0)


def class_entries(
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    labels: Sequence[np.ndarray] = (),
) -> dict[str, tuple[int, ...]]:
    """Entries of a legend for the classes in label maps.

    Args:
        classes: C names.
        palette: C colours (R, G, B), in 0..255.
        labels: Label maps (H, W), integer; none: all classes. Numbers that are no class
            have an entry together, if there are any.

    Returns:
        Name to colour, in the order of the classes.
    """
    seen = {int(value) for one in labels for value in np.unique(one)}
    shown = [c for c in range(len(classes)) if c in seen or not labels]
    entries = {classes[c]: tuple(int(v) for v in palette[c]) for c in shown}
    if seen - {*range(len(classes))}:
        entries[IGNORED] = IGNORED_COLOR
    return entries


def draw_legend(
    entries: Mapping[str, Sequence[int]], width: int, title: str = ""
) -> np.ndarray:
    """Draw swatches of colours with names, in as many lines as they need.

    Args:
        entries: Name to colour (R, G, B), in 0..255.
        width: Width of the result, in pixels.
        title: Text in front of them.

    Returns:
        (H, width, 3), uint8, RGB.
    """
    scale = enlargement(width)
    size, line, swatch = (round(scale * v) for v in (SIZE, LINE, SWATCH))
    space, gap = round(scale * SPACE), round(scale * 5)
    places: list[tuple[int, int]] = []
    left = start = (text_width(title, size) + space if title else 0) + 2
    row = 0
    for name in entries:
        needed = swatch + gap + text_width(name, size)
        if left + needed > width and left > start:
            left, row = start, row + 1
        places.append((left, row))
        left += needed + space
    picture = np.full((line * (row + 1) + 4, width, 3), 255, np.uint8)
    if title:
        write_text(picture, title, 2, line // 2 + 2, size)
    for (name, color), (x, number) in zip(entries.items(), places, strict=True):
        middle = line * number + line // 2 + 2
        top = middle - swatch // 2
        picture[top : top + swatch, x : x + swatch] = EDGE
        picture[top + 1 : top + swatch - 1, x + 1 : x + swatch - 1] = color
        write_text(picture, name, x + swatch + gap, middle, size)
    return picture


def draw_scale(name: str, width: int) -> np.ndarray:
    """Draw the colours of :func:`color_map` from 0 to 1, (H, width, 3), uint8, RGB."""
    scale = enlargement(width)
    size, line, swatch = (round(scale * v) for v in (SIZE, LINE, SWATCH))
    picture = np.full((line + 4, width, 3), 255, np.uint8)
    middle = line // 2 + 2
    top = middle - swatch // 2
    x = write_text(picture, f"{name}:  0", 2, middle, size) + 6
    end = max(x, min(x + round(scale * BAR), width - 2 * size))
    bar = color_map(np.linspace(0, 1, max(end - x, 1))[None])[:, : end - x]
    picture[top : top + swatch, x:end] = bar
    write_text(picture, "1", end + 6, middle, size)
    return picture


def image_score(predicted: np.ndarray, truth: np.ndarray, classes: int) -> float | None:
    """Mean IoU of one image, over the classes in its mask or its prediction.

    Args:
        predicted: (H, W), integer.
        truth: (H, W), integer; pixels whose number is no class do not count.
        classes: C.

    Returns:
        Percent, in 0..100; None if no pixel counts.
    """
    counted = (truth >= 0) & (truth < classes)
    predicted, truth = predicted[counted], truth[counted]
    values = []
    for label in np.union1d(predicted, truth):
        one, other = predicted == label, truth == label
        values.append((one & other).sum() / (one | other).sum())
    return 100 * float(np.mean(values)) if values else None


def with_score(
    title: str, predicted: np.ndarray, truth: np.ndarray | None, classes: int
) -> str:
    """A title with the mean IoU of the image, if its mask is known and fits."""
    if truth is None or truth.shape != predicted.shape:
        return title
    score = image_score(predicted, truth, classes)
    return title if score is None else f"{title}: {score:.0f} % mIoU"
