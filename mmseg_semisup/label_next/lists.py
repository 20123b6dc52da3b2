"""Writes the chosen images as a table with reasons, and as lists."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.pseudo_masks.images import Item

from .candidates import Candidates
from .choose import Choice
from .strategies import Table, Values, percentiles

HIGH = 0.75
"""Percentile from which on a criterion is a reason."""
SAME = 1e-3
"""Distance up to which two images look the same to the network."""
SENTENCES = {
    "uncertainty": "less certain than {}",
    "networks": "the networks differ more than for {}",
    "views": "changed copies differ more than for {}",
    "rarity": "shows rarer classes than {}",
}


def explain(
    table: Table, ranks: dict[str, Values], choice: Choice, classes: Sequence[str]
) -> str:
    """Why an image was chosen, in words.

    Args:
        table: The scores.
        ranks: Percentiles of each criterion.
        choice: The image.
        classes: Names of the classes.
    """
    high = {name: values[choice.row] for name, values in ranks.items()}
    parts = [
        SENTENCES[name].format(f"{100 * rank:.0f} % of the images")
        for name, rank in high.items()
        if rank >= HIGH
    ]
    if high["rarity"] >= HIGH:
        own = table.shares[choice.row].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.nan_to_num(own / table.frequency, posinf=0)
        rare = int(ratios.argmax())
        parts[-1] += (
            f": {classes[rare]}, {_percent(own[rare])} of its probability, "
            f"{_percent(table.frequency[rare])} in all images"
        )
    if choice.distance < SAME:
        parts.append("looks like an image that is labelled or stands above")
    elif not parts:
        parts.append("stands for images unlike the labelled ones and those above")
    return "; ".join(parts)


def write_lists(
    out_dir: Path,
    candidates: Candidates,
    table: Table,
    choices: Sequence[Choice],
    classes: Sequence[str],
) -> list[str]:
    """Write ``label_next.csv``, ``images.txt`` and, if ids allow it, ``labeled.txt``.

    Args:
        out_dir: The folder.
        candidates: All images.
        table: Their scores.
        choices: The chosen ones.
        classes: Names of the classes.

    Returns:
        What the user has to know, a line each.
    """
    items = [candidates.unlabeled[table.positions[c.row]] for c in choices]
    _write_table(out_dir / "label_next.csv", items, table, choices, classes)
    images = [str(Path(item.image).absolute()) for item in items]
    notes = _write_lines(out_dir / "images.txt", images)
    known = [item.image for item in candidates.labeled]
    ids = candidates.list_ids([*known, *(item.image for item in items)])
    if ids is not None:
        notes += _write_lines(out_dir / "labeled.txt", ids)
        notes.append(
            f"when they have masks beside the others: --labeled {out_dir}/labeled.txt"
        )
    elif candidates.parts:
        notes.append(
            "no labeled.txt, because not all of the images are in the one folder of "
            "the labelled images: put the images and their masks there, or train with "
            "a data set of their own"
        )
    return notes


def _write_table(
    path: Path,
    items: Sequence[Item],
    table: Table,
    choices: Sequence[Choice],
    classes: Sequence[str],
) -> None:
    ranks = {name: percentiles(values) for name, values in table.criteria.items()}
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["rank", "image", "need", *table.criteria, "distance", "reasons"])
    for number, (item, choice) in enumerate(zip(items, choices, strict=True), 1):
        own = [f"{v[choice.row]:.5f}" for v in table.criteria.values()]
        far = f"{choice.distance:.4f}" if math.isfinite(choice.distance) else ""
        reasons = explain(table, ranks, choice, classes)
        shown = printable(item.image, keep="")
        writer.writerow([number, shown, f"{choice.need:.4f}", *own, far, reasons])
    atomic_write(path, text.getvalue().encode())


def _write_lines(path: Path, lines: Sequence[str]) -> list[str]:
    """Write a list; names that a line cannot hold are left out, and noted."""
    kept = [line for line in lines if _fits(line)]
    atomic_write(path, "".join(f"{line}\n" for line in kept).encode())
    return [
        f"{path.name} cannot name {printable(line, keep='')}; rename it"
        for line in lines
        if not _fits(line)
    ]


def _fits(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return line.splitlines() == [line] and line == line.strip()


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
