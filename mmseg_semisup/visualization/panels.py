"""Draws labels and maps, and arranges pictures in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_semisup.core.atomic_io import atomic_write

from .lettering import SIZE, enlargement, fit_text, write_text

TITLE_HEIGHT = 22
GAP = 4
IGNORED_COLOR = (224, 224, 224)
OPACITY = 0.65
CONTRAST = 0.75
LIFT = 57
"""Contrast and brightness of photographs below colours."""

LEAST_SIDE_WITH_LINES = 160
"""Pixels; in smaller pictures, lines between classes would hide them."""


def color_labels(
    labels: np.ndarray, palette: Sequence[Sequence[int]], ignore_index: int = 255
) -> np.ndarray:
    """Draw a label map in the colours of its classes.

    Args:
        labels: (H, W), integer, in 0..C-1 or ``ignore_index``.
        palette: C colours (R, G, B), each in 0..255.
        ignore_index: Label of pixels that are drawn in light grey.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    table = np.full((256, 3), IGNORED_COLOR, dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    table[ignore_index] = IGNORED_COLOR
    return table[labels.astype(np.uint8)]


def overlay(
    image: np.ndarray, labels: np.ndarray, share: float = OPACITY
) -> np.ndarray:
    """Draw coloured labels over a grey copy of an image; both (H, W, 3), uint8, RGB.

    The copy has less contrast, so that dark objects do not hide their colours.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    rest = 1 - share
    return cv2.addWeighted(labels, share, grey, CONTRAST * rest, LIFT * rest)


def color_map(values: np.ndarray) -> np.ndarray:
    """Draw a map (H, W) from dark (0) to bright (1), as (H, W, 3), uint8, RGB."""
    scaled = np.clip(values * 255, 0, 255).astype(np.uint8)
    colored = cv2.applyColorMap(scaled, cv2.COLORMAP_VIRIDIS)
    return cv2.cvtColor(colored, cv2.COLOR_BGR2RGB)


def paint(
    labels: np.ndarray,
    palette: Sequence[Sequence[int]],
    image: np.ndarray | None = None,
    ignore_index: int = 255,
    share: float = OPACITY,
) -> np.ndarray:
    """Draw a label map, over a grey copy of its image if that is given.

    Args:
        labels: (H, W), integer, in 0..C-1 or ``ignore_index``.
        palette: C colours (R, G, B), each in 0..255.
        image: (H', W', 3), uint8, RGB; labels of another size are enlarged.
        ignore_index: Label of pixels that are drawn in light grey.
        share: Opacity of the colours over the image, in 0..1.

    Returns:
        (H, W, 3), or of the size of the image, uint8, RGB; thin lines separate the
        classes in pictures that are large enough.
    """
    if image is not None and labels.shape != image.shape[:2]:
        size = image.shape[1::-1]
        labels = cv2.resize(
            labels.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
        )
    colored = color_labels(labels, palette, ignore_index)
    if image is not None:
        colored = overlay(image, colored, share)
    if min(labels.shape) >= LEAST_SIDE_WITH_LINES:
        colored[borders(labels)] = 255
    return colored


def borders(labels: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour has another label, (H, W), bool."""
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    return found


def titled_row(pictures: Mapping[str, np.ndarray], height: int = 240) -> np.ndarray:
    """Arrange pictures of one scene side by side, each under its title.

    Args:
        pictures: Title to (H, W, 3), uint8, RGB.
        height: Height of each picture in the row, in pixels.

    Returns:
        (height + title, W', 3), uint8, RGB; wide rows have larger titles.
    """
    widths = [
        max(1, round(picture.shape[1] * height / picture.shape[0]))
        for picture in pictures.values()
    ]
    scale = enlargement(sum(widths))
    size, title_height = round(scale * SIZE), round(scale * TITLE_HEIGHT)
    gap = np.full((height + title_height, GAP, 3), 255, dtype=np.uint8)
    columns = []
    for (title, picture), width in zip(pictures.items(), widths, strict=True):
        shrinks = height < picture.shape[0]
        resized = cv2.resize(
            picture,
            (width, height),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST,
        )
        bar = np.full((title_height, width, 3), 255, dtype=np.uint8)
        fitting = fit_text(title, width - 4, size)
        write_text(bar, fitting, 2, title_height // 2, size)
        columns += [np.concatenate([bar, resized]), gap]
    return np.concatenate(columns[:-1], axis=1)


def stack_rows(rows: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Stack rows of different width, padded with white at the right.

    Args:
        rows: (H, W, 3), uint8, RGB, of any sizes.
        gap: White pixels below each row.

    Returns:
        (H', W', 3), uint8, RGB.
    """
    width = max(row.shape[1] for row in rows)
    padded = []
    for row in rows:
        missing = ((0, gap), (0, width - row.shape[1]), (0, 0))
        padded.append(np.pad(row, missing, constant_values=255))
    return np.concatenate(padded)


def encode_picture(picture: np.ndarray, suffix: str = ".png") -> bytes:
    """The bytes of an image file.

    Args:
        picture: (H, W, 3), uint8, RGB.
        suffix: That of the file's name, which says its format.

    Raises:
        ValueError: If there is no such format.
    """
    try:
        done, content = cv2.imencode(suffix, np.ascontiguousarray(picture[..., ::-1]))
    except cv2.error as error:
        raise ValueError(f"no pictures are written as {suffix!r}") from error
    if not done:
        raise ValueError(f"a picture cannot be written as {suffix!r}")
    return content.tobytes()


def write_picture(picture: np.ndarray, path: str | Path) -> None:
    """Write a picture, (H, W, 3), uint8, RGB, and print its size and its path."""
    atomic_write(path, encode_picture(picture, Path(path).suffix))
    print(f"{picture.shape[1]} x {picture.shape[0]} pixels: {path}")
