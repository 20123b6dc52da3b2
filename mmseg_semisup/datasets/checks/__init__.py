"""Checks the data of a config before a training.

Other modules of ``datasets`` may be imported; no data set imports the checks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmseg_semisup.core.cpu import available_cores
from mmseg_semisup.datasets.image_headers import Header

from .config import check_config
from .content import check_all, missing_classes
from .files import check_header
from .labels import LIMIT, missing_in_masks, missing_labels
from .overlap import find_overlaps, find_repeats, masks_as_images
from .parts import Item, build_parts
from .problem import KINDS, Problem
from .reading import disagreements, doubts
from .report import DataReport

__all__ = ["ALLOWABLE", "KINDS", "LEVELS", "DataReport", "Problem", "check_data"]

LEVELS = ("cheap", "full", "off")
ALLOWABLE = ("missing-class", "overlap", "validated")


def check_data(
    cfg: Mapping[str, Any],
    level: str = "cheap",
    allow: Sequence[str] = (),
    workers: int | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> DataReport:
    """Check everything that a config trains and validates with.

    The cheap checks read lists and the headers of files, and masks until every class
    has been seen; they only warn of a class that no mask shows to a segmentor. The full
    checks also load every image and mask, as training would, and read all mask values.

    Args:
        cfg: The config; ``train_dataloader``, ``val_dataloader``, ``test_dataloader``
            and the model's numbers of classes are read.
        level: 'cheap', 'full', or 'off'.
        allow: Kinds of problems that are only warned of: 'missing-class' (a class that
            no labelled image shows), 'overlap' (labelled images among the unlabelled),
            'validated' (training images that are validated or tested).
        workers: Number of processes of the full checks; None: one for each core.
        report: Called with lines about the progress of the full checks.

    Returns:
        All problems.

    Raises:
        ValueError: If an argument is not allowed. Problems of the data do not raise.
    """
    if level not in LEVELS:
        raise ValueError(f"level={level!r}; allowed: {list(LEVELS)}")
    unknown = sorted(set(allow) - set(ALLOWABLE))
    if unknown:
        raise ValueError(f"allow names {unknown}; allowed: {list(ALLOWABLE)}")
    if level == "off":
        return DataReport([], [], [])
    start = time.perf_counter()
    problems: list[Problem] = []
    parts = build_parts(cfg, problems)
    problems += check_config(cfg, parts)
    overlaps = find_overlaps(parts)
    seen: dict[Item, bool] = {}
    headers: dict[str, Header] = {}
    for part in parts:
        for item in part.items:
            if item not in seen:
                found = check_header(item, headers)
                seen[item] = not found
                problems += found
    problems += disagreements(parts, headers)
    problems += masks_as_images(parts)
    warnings = [p for kind in allow for p in overlaps.get(kind, ())]
    warnings += [*find_repeats(parts), *doubts(parts, headers)]
    problems += [p for kind, ps in overlaps.items() if kind not in allow for p in ps]
    if level == "full":
        check_all(parts, seen, problems, workers or available_cores(), report)
    missing, unseen = missing_labels(parts, seen, None if level == "full" else LIMIT)
    if level == "full":
        missing = list(dict.fromkeys((*missing, *missing_classes(parts))))
    target = warnings if "missing-class" in allow else problems
    target += missing
    warnings += unseen
    if level == "cheap":
        warnings += missing_in_masks(parts, seen)
    return DataReport(parts, problems, warnings, time.perf_counter() - start)
