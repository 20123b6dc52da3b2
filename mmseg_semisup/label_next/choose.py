"""Chooses a batch of images that need a mask and differ from each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import ConfigError

from .scan import ScoreFiles
from .strategies import DEFAULT, RANDOM, Table, needs

CANDIDATES = 4
"""Candidates for each image of the batch: those that need a mask most."""


class Choice(NamedTuple):
    """A chosen image.

    Attributes:
        row: Its row in the table.
        need: How much it needs a mask, in 0..1.
        distance: Distance to the nearest image that is labelled or was chosen before,
            in 0..2; infinite for the first of all.
    """

    row: int
    need: float
    distance: float


def choose(
    table: Table,
    files: ScoreFiles,
    labeled: NDArray[np.floating],
    count: int,
    strategy: str = DEFAULT,
    candidates: int = CANDIDATES,
    seed: int = 0,
) -> list[Choice]:
    """Choose images: the neediest ones are candidates, from which differing ones come.

    Args:
        table: The scores.
        files: Their files, for the features of the candidates.
        labeled: Features of the labelled images, (L, D), float; L may be 0.
        count: Number of images to choose; if there are fewer, all are chosen.
        strategy: Name of a strategy.
        candidates: Candidates for each image to choose; 1: the neediest ones are
            chosen, whether they differ or not, as with the strategy ``random``.
        seed: Seed of the random numbers of a strategy that draws any.

    Returns:
        The choices in their order.

    Raises:
        ConfigError: If a number is out of its range, or there is no such strategy.
    """
    for name, value in (("count", count), ("candidates", candidates)):
        if value < 1:
            raise ConfigError(f"{name}={value}; allowed: 1 or more")
    need = needs(table, strategy, seed)
    if strategy == RANDOM:
        candidates = 1
    rows = np.argsort(-need, kind="stable")[: count * candidates]
    features = read_features(files, table.positions[rows])
    if candidates == 1:
        return [
            Choice(int(row), float(need[row]), distance)
            for row, distance in zip(rows, _distances(features, labeled), strict=True)
        ]
    picked = k_center_greedy(features, labeled, count)
    return [Choice(int(rows[i]), float(need[rows[i]]), d) for i, d in picked]


def k_center_greedy(
    features: NDArray[np.floating], centers: NDArray[np.floating], count: int
) -> list[tuple[int, float]]:
    """Choose points, each the farthest one from the nearest of all centres before.

    Sener and Savarese, "Active learning for convolutional neural networks: a core-set
    approach", ICLR 2018, Algorithm 1.

    Args:
        features: Points, (M, D), float, in the order of preference among equally far
            ones. Without centres, the first one is chosen first.
        centers: Points that are covered already, (L, D), float; L may be 0.
        count: Number of points to choose; if there are fewer, all are chosen.

    Returns:
        Index of each point and its distance to the nearest centre at its turn, infinite
        without one.
    """
    points = features.astype(np.float64)
    nearest = np.full(len(points), np.inf)
    for center in centers.astype(np.float64):
        nearest = np.minimum(nearest, np.linalg.norm(points - center, axis=1))
    chosen = []
    for _ in range(min(count, len(points))):
        index = int(nearest.argmax())
        chosen.append((index, float(nearest[index])))
        distances = np.linalg.norm(points - points[index], axis=1)
        nearest = np.minimum(nearest, distances)
        # Equal points are chosen last, but no point twice.
        nearest[index] = -1
    return chosen


def read_features(
    files: ScoreFiles, positions: NDArray[np.int64] | None = None
) -> NDArray[np.float16]:
    """Features of images, (M, D), in the order of their positions in the list.

    Args:
        files: The scores.
        positions: M positions of usable images; None: all usable images.
    """
    kept, found = [], []
    for places, chunk in files:
        here = slice(None) if positions is None else np.isin(places, positions)
        kept.append(places[here])
        found += [chunk.scores.features[here]] if len(kept[-1]) else []
    if not found:
        return np.zeros((0, 0), np.float16)
    features = np.concatenate(found)
    if positions is None:
        return features
    return features[np.searchsorted(np.concatenate(kept), positions)]


def _distances(
    features: NDArray[np.floating], centers: NDArray[np.floating]
) -> list[float]:
    """Distance of each point to the nearest centre or point before it."""
    points = features.astype(np.float64)
    before = list(centers.astype(np.float64))
    found = []
    for point in points:
        rest = np.array(before)
        far = np.linalg.norm(rest - point, axis=1).min() if len(rest) else np.inf
        found.append(float(far))
        before.append(point)
    return found
