"""Draws the chosen images, their predictions and their uncertainty, on sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ImageFileError, StoreError
from mmseg_semisup.datasets.read_image import read_picture
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.visualization.legend import class_entries, finish_picture
from mmseg_semisup.visualization.panels import (
    color_map,
    encode_picture,
    paint,
    titled_row,
)

from .choose import Choice
from .scorer import Maps, Scorer
from .strategies import Table

ROWS = 8
"""Images of a sheet."""
HEIGHT = 240
LIMIT = 1024
"""Longest side of a drawn image, in pixels; larger ones are made smaller."""


def draw_sheets(
    out_dir: Path,
    scorer: Scorer,
    items: Sequence[Item],
    table: Table,
    choices: Sequence[Choice],
    report: Callable[[str], None] | None = None,
) -> list[str]:
    """Write ``sheets/01.jpg`` and so on, with a row for each image.

    Args:
        out_dir: The folder.
        scorer: The networks.
        items: The chosen images.
        table: The scores.
        choices: The choices, in the order of the items.
        report: Called with a line of progress for each sheet.

    Returns:
        The images that cannot be drawn, with the reasons.
    """
    failed = []
    count = -(-len(items) // ROWS)
    for former in (out_dir / "sheets").glob("*.jpg"):
        former.unlink()
    for number in range(count):
        rows, seen = [], []
        start = number * ROWS
        for place in range(start, min(start + ROWS, len(items))):
            item, choice = items[place], choices[place]
            try:
                maps = scorer.maps(scorer.load(item))
                picture = _shrunk(read_picture(item.image))
            except (ImageFileError, StoreError) as error:
                failed.append(str(error))
                continue
            rows.append(
                _row(place + 1, item, choice, picture, maps, table, scorer.palette)
            )
            seen.append(maps.labels)
        if rows:
            entries = class_entries(scorer.classes, scorer.palette, seen)
            maps_shown = ["uncertainty", "disagreement"]
            sheet = finish_picture(rows, entries, maps_shown)
            path = out_dir / "sheets" / f"{number + 1:02d}.jpg"
            atomic_write(path, encode_picture(sheet, ".jpg"))
        if report is not None:
            report(f"{number + 1}/{count} sheets")
    return failed


def _row(
    rank: int,
    item: Item,
    choice: Choice,
    picture: NDArray[np.uint8],
    maps: Maps,
    table: Table,
    palette: Sequence[Sequence[int]],
) -> NDArray[np.uint8]:
    scores = {name: values[choice.row] for name, values in table.criteria.items()}
    disagreement = ", ".join(
        f"{name} {scores[name]:.3f}" for name in ("views", "networks") if name in scores
    )
    columns = {
        f"{rank}: need {choice.need:.2f}, {item.id}": picture,
        f"prediction, rarity {scores['rarity']:.2f}": paint(
            maps.labels, palette, picture
        ),
        f"uncertainty: mean {scores['uncertainty']:.3f}": color_map(maps.uncertainty),
        disagreement: color_map(maps.disagreement),
    }
    row: NDArray[np.uint8] = titled_row(columns, HEIGHT)
    return row


def _shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture whose sides are short enough to draw."""
    factor = LIMIT / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = [max(1, round(factor * n)) for n in picture.shape[1::-1]]
    small: Any = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small
