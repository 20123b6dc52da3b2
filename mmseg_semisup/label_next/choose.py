"""Chooses a batch of images that stand for those that need a mask."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import ConfigError

from .scan import ScoreFiles
from .strategies import DEFAULT, RANDOM, Table, needs

MOST = 4096
"""Images that are compared with each other, (MOST, MOST) distances; of more candidates,
so many are drawn for each round."""
ROUND = MOST // 4
"""Images that a round chooses if there are more candidates."""


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
    candidates: int | None = None,
    seed: int = 0,
) -> list[Choice]:
    """Choose images that stand for the need of all.

    Args:
        table: The scores.
        files: Their files, for the features of the candidates.
        labeled: Features of the labelled images, (L, D), float; L may be 0.
        count: Number of images to choose; if there are fewer, all are chosen.
        strategy: Name of a strategy.
        candidates: Candidates for each image to choose, the neediest ones; None: all
            images; 1: the neediest ones are chosen, whether they differ or not, as with
            the strategy ``random``.
        seed: Seed of the random numbers.

    Returns:
        The choices in their order.

    Raises:
        ConfigError: If a number is out of its range, or there is no such strategy.
    """
    for name, value in (("count", count), ("candidates", candidates)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}={value}; allowed: 1 or more")
    need = needs(table, strategy, seed)
    if strategy == RANDOM:
        candidates = 1
    rows = np.argsort(-need, kind="stable")
    if candidates is not None:
        rows = rows[: count * candidates]
    if candidates == 1:
        features = read_features(files, table.positions[rows])
    else:
        rows, features = _covering(table, files, rows, need, labeled, count, seed)
    return [
        Choice(int(row), float(need[row]), distance)
        for row, distance in zip(rows, _distances(features, labeled), strict=True)
    ]


def _covering(
    table: Table,
    files: ScoreFiles,
    rows: NDArray[np.int64],
    need: NDArray[np.float64],
    labeled: NDArray[np.floating],
    count: int,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Rows of the table that cover the need of all, and their features, in rounds.

    The memory does not depend on the number of images.
    """
    generator = np.random.default_rng(seed)
    chosen: list[NDArray[np.int64]] = []
    found: list[NDArray[np.floating]] = []
    while count > 0 and len(rows):
        drawn, some = rows, count
        if len(rows) > MOST:
            places = generator.choice(len(rows), MOST, replace=False)
            drawn, some = rows[np.sort(places)], min(count, ROUND)
        every = read_features(files, table.positions[drawn])
        centers = [*([labeled] if len(labeled) else []), *found]
        covered = np.concatenate(centers) if centers else every[:0]
        picked = cover_greedy(every, need[drawn], covered, some)
        chosen.append(drawn[picked])
        found.append(every[picked])
        rows = rows[~np.isin(rows, chosen[-1])]
        count -= len(picked)
    return np.concatenate(chosen), np.concatenate(found)


def cover_greedy(
    features: NDArray[np.floating],
    weights: NDArray[np.floating],
    centers: NDArray[np.floating],
    count: int,
) -> list[int]:
    """Choose points to which all points are near, those of a large weight above all.

    Each point lowers sum_i w_i min_s |x_i - x_s|^2 over the centres s as far as one
    point can. This is the greedy algorithm of facility location, as in Wei, Iyer and
    Bilmes, "Submodularity in data subset selection and active learning", ICML 2015; it
    reaches at least 1 - 1/e of the best decrease (Nemhauser, Wolsey and Fisher, 1978).

    Args:
        features: Points x, (M, D), float, in the order of preference among equally good
            ones; of length 1.
        weights: Their weights w, (M,), float, 0 or more.
        centers: Points that are covered already, (L, D), float; L may be 0.
        count: Number of points to choose; if there are fewer, all are chosen.

    Returns:
        Indices of the points, in their order.
    """
    points = features.astype(np.float32)
    between = _squared_distances(points, points)
    # Farther than any point of length 1 is from another one.
    nearest = np.full(len(points), 4.0, np.float32)
    if len(centers):
        covered = _squared_distances(points, centers.astype(np.float32))
        nearest = covered.min(axis=1)
    gains = weights @ np.maximum(nearest[:, None] - between, 0)
    open_points = np.ones(len(points), bool)
    chosen: list[int] = []
    for _ in range(min(count, len(points))):
        # Equal points gain nothing, and are chosen last, but no point twice.
        index = int(np.where(open_points, gains, -np.inf).argmax())
        chosen.append(index)
        open_points[index] = False
        nearer = np.flatnonzero(between[:, index] < nearest)
        rest = between[nearer]
        before, after = nearest[nearer, None], rest[:, [index]]
        lost = np.maximum(before - rest, 0) - np.maximum(after - rest, 0)
        gains -= weights[nearer] @ lost
        nearest[nearer] = after[:, 0]
    return chosen


def _squared_distances(
    points: NDArray[np.float32], others: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Of each pair, (M, L), 0 or more."""
    lengths = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    found: NDArray[np.float32] = np.maximum(lengths - 2 * points @ others.T, 0)
    return found


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
    before = centers.astype(np.float64).reshape(-1, points.shape[1])
    every = np.concatenate([before, points])
    found = []
    for place, point in enumerate(points, len(before)):
        away = np.linalg.norm(every[:place] - point, axis=1)
        found.append(float(away.min(initial=np.inf)))
    return found
