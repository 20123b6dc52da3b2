"""Draws labels and maps, and arranges pictures in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import mmcv
import numpy as np

TITLE_HEIGHT = 22
GAP = 4
IGNORED_COLOR = (224, 224, 224)


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


def overlay(image: np.ndarray, labels: np.ndarray, share: float = 0.6) -> np.ndarray:
    """Draw coloured labels over a grey copy of an image; both (H, W, 3), uint8, RGB."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(labels, share, grey, 1 - share, 0)


def color_map(values: np.ndarray) -> np.ndarray:
    """Draw a map (H, W) from dark (0) to bright (1), as (H, W, 3), uint8, RGB."""
    scaled = np.clip(values * 255, 0, 255).astype(np.uint8)
    colored = cv2.applyColorMap(scaled, cv2.COLORMAP_VIRIDIS)
    return cv2.cvtColor(colored, cv2.COLOR_BGR2RGB)


def titled_row(pictures: Mapping[str, np.ndarray], height: int = 240) -> np.ndarray:
    """Arrange pictures of one scene side by side, each under its title.

    Args:
        pictures: Title to (H, W, 3), uint8, RGB.
        height: Height of each picture in the row, in pixels.

    Returns:
        (height + title, W', 3), uint8, RGB.
    """
    columns = []
    for title, picture in pictures.items():
        width = max(1, round(picture.shape[1] * height / picture.shape[0]))
        resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        bar = np.full((TITLE_HEIGHT, width, 3), 255, dtype=np.uint8)
        place = (2, TITLE_HEIGHT - 7)
        cv2.putText(
            bar, title, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA
        )
        gap = np.full((height + TITLE_HEIGHT, GAP, 3), 255, dtype=np.uint8)
        columns += [np.concatenate([bar, resized]), gap]
    return np.concatenate(columns[:-1], axis=1)


def stack_rows(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Stack rows of different width, padded with white at the right."""
    width = max(row.shape[1] for row in rows)
    padded = []
    for row in rows:
        missing = ((0, GAP), (0, width - row.shape[1]), (0, 0))
        padded.append(np.pad(row, missing, constant_values=255))
    return np.concatenate(padded)


def write_picture(picture: np.ndarray, path: str | Path) -> None:
    """Write a picture, (H, W, 3), uint8, RGB, and print its size and its path."""
    mmcv.imwrite(picture[..., ::-1], str(path))
    print(f"{picture.shape[1]} x {picture.shape[0]} pixels: {path}")
