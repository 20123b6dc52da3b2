"""Strategies: how much each image needs a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest

from .criteria import rarity
from .scan import ScoreFiles

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """The scores of all images that could be used, without their features.

    Attributes:
        positions: Position of each image in the list of all, (N,), int64.
        criteria: Name to value of each image, (N,), float64; larger means that it needs
            a mask more. Criteria that the networks do not have are missing.
        shares: Expected share of each class in each image, (N, C), float32, in 0..1.
        frequency: Share of each class in all of them, (C,), float64, in 0..1.
        failed: Position of each other image, and the reason.
    """

    positions: NDArray[np.int64]
    criteria: dict[str, Values]
    shares: NDArray[np.float32]
    frequency: Values
    failed: dict[int, str]


def read_table(files: ScoreFiles) -> Table:
    """Read the scores of all images.

    Raises:
        ConfigError: If none of them could be used.
        StoreError: If a file is missing.
    """
    parts = []
    failed: dict[int, str] = {}
    for number, (positions, chunk) in enumerate(files):
        start = files.chunks[number].start
        pairs = zip(chunk.failed, chunk.reasons, strict=True)
        failed.update({start + place: reason for place, reason in pairs})
        if len(positions):
            scores = chunk.scores
            parts.append((positions, *scores[:4]))
    if not parts:
        reason = next(iter(failed.values()), "there is no image")
        raise ConfigError(f"none of {files.count} images can be used: {reason}")
    positions, uncertainty, networks, views, shares = (
        np.concatenate(values) for values in zip(*parts, strict=True)
    )
    frequency = shares.mean(axis=0, dtype=np.float64)
    criteria = {
        "uncertainty": uncertainty.astype(np.float64),
        "networks": networks.astype(np.float64),
        "views": views.astype(np.float64),
        "rarity": rarity(shares, frequency),
    }
    known = {k: v for k, v in criteria.items() if not np.isnan(v).any()}
    return Table(positions, known, shares, frequency, failed)


def percentiles(values: Values) -> Values:
    """Share of the other images with a smaller value; of equal ones, half count.

    Args:
        values: (N,), float.

    Returns:
        (N,), float64, in 0..1; 0.5 for a single image.
    """
    if len(values) == 1:
        return np.array([0.5])
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    smaller = np.cumsum(counts) - counts
    return (smaller + (counts - 1) / 2)[place] / (len(values) - 1)


def by_criterion(name: str) -> Callable[[Table, int], Values]:
    """Need by a single criterion, as its percentiles."""

    def need(table: Table, seed: int) -> Values:
        if name not in table.criteria:
            raise ConfigError(
                f"strategy={name!r}: the training has one network; allowed: "
                f"{', '.join(n for n in STRATEGIES if n not in CRITERIA)}, "
                f"{', '.join(table.criteria)}"
            )
        return percentiles(table.criteria[name])

    return need


def mean_of_all(table: Table, seed: int) -> Values:
    """Mean of the percentiles of all criteria, which have no common unit."""
    every = [percentiles(values) for values in table.criteria.values()]
    return np.mean(every, axis=0)


def at_random(table: Table, seed: int) -> Values:
    """Random numbers in 0..1: what the others are compared with."""
    return np.random.default_rng(seed).random(len(table.positions))


RANDOM = "random"
CRITERIA = ("uncertainty", "networks", "views", "rarity")
STRATEGIES: dict[str, Callable[[Table, int], Values]] = {
    "all": mean_of_all,
    **{name: by_criterion(name) for name in CRITERIA},
    RANDOM: at_random,
}
"""Name to a function from table and seed to the need of each image, (N,), in 0..1."""

DEFAULT = "all"


def needs(table: Table, strategy: str = DEFAULT, seed: int = 0) -> Values:
    """How much each image needs a mask, (N,), float64, in 0..1.

    Args:
        table: The scores.
        strategy: Name of a strategy.
        seed: Seed of the random numbers, if it draws any.

    Raises:
        ConfigError: If there is no such strategy, or a score that it needs is missing.
    """
    check_strategy(strategy)
    return STRATEGIES[strategy](table, seed)


def check_strategy(strategy: str) -> None:
    """Raise ConfigError if there is no strategy of this name."""
    if strategy not in STRATEGIES:
        raise ConfigError(
            f"strategy={strategy!r}; {suggest(strategy, STRATEGIES)}allowed: "
            f"{', '.join(STRATEGIES)}"
        )
