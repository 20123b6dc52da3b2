from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.label_next import scan as scan_module
from mmseg_semisup.label_next.choose import choose, k_center_greedy, read_features
from mmseg_semisup.label_next.scan import Chunk, ScoreFiles
from mmseg_semisup.label_next.scorer import Scores
from mmseg_semisup.label_next.strategies import needs, read_table

NONE = np.zeros((0, 2))


def points(count: int, seed: int, dimensions: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).random((count, dimensions))


def radius(every: np.ndarray, centers: np.ndarray) -> float:
    """Distance of the point that is farthest from all centres."""
    return max(min(np.linalg.norm(p - c) for c in centers) for p in every)


def brute_force(every, centers, count: int) -> list[int]:
    """Indices of the points, each with all distances computed anew."""
    chosen: list[int] = []
    while len(chosen) < count:
        covered = [*centers, *(every[i] for i in chosen)]
        if not covered:
            chosen.append(0)
            continue
        left = [i for i in range(len(every)) if i not in chosen]
        distances = [min(np.linalg.norm(every[i] - c) for c in covered) for i in left]
        chosen.append(left[int(np.argmax(distances))])
    return chosen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("covered", [0, 3])
def test_greedy_choice_against_brute_force(seed, covered):
    every, centers = points(12, seed), points(covered, 100 + seed)
    found = k_center_greedy(every, centers.reshape(-1, 2), 6)
    assert [index for index, _ in found] == brute_force(every, centers, 6)
    distances = [distance for _, distance in found]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_choice_covers_half_as_well_as_the_best(seed):
    every = points(10, seed)
    chosen = [index for index, _ in k_center_greedy(every, NONE, 3)]
    best = min(
        radius(every, every[list(some)])
        for some in itertools.combinations(range(10), 3)
    )
    assert radius(every, every[chosen]) <= 2 * best + 1e-12


def test_equal_points_are_chosen_last_and_once():
    every = np.array([[0.0, 0], [0, 0], [1, 0], [0, 0], [0, 2]])
    found = k_center_greedy(every, NONE, 5)
    assert [index for index, _ in found] == [0, 4, 2, 1, 3]
    assert [distance for _, distance in found][3:] == [0, 0]
    assert len(k_center_greedy(every, NONE, 50)) == 5
    assert [i for i, _ in k_center_greedy(np.zeros((3, 2)), NONE, 3)] == [0, 1, 2]


@pytest.fixture
def files(tmp_path, monkeypatch) -> ScoreFiles:
    """Scores of 20 images in chunks of 6, of which two could not be used."""
    monkeypatch.setattr(scan_module, "CHUNK", 6)
    generator = np.random.default_rng(3)
    found = ScoreFiles(tmp_path, "x", 20)
    for number, positions in enumerate(found.chunks):
        failed = [1] if number < 2 else []
        n = len(positions) - len(failed)
        rows = generator.random((3, n)).astype(np.float32)
        shares = generator.dirichlet(np.ones(3), size=n).astype(np.float32)
        features = generator.random((n, 5)).astype(np.float16)
        scores = Scores(*rows, shares, features)
        found.write(number, Chunk(scores, failed, ["bad"] * len(failed)))
    return found


def test_features_come_in_the_order_that_is_asked_for(files):
    every = read_features(files)
    table = read_table(files)
    rows = np.array([17, 0, 9, 3])
    found = read_features(files, table.positions[rows])
    assert np.array_equal(found, every[rows])
    assert read_features(ScoreFiles(files.folder, "none", 0)).shape == (0, 0)


def test_the_neediest_are_candidates_and_the_differing_are_chosen(files):
    table = read_table(files)
    need = needs(table, "uncertainty")
    every = read_features(files).astype(np.float64)
    labeled = points(2, 9, 5)
    rows = sorted(range(18), key=lambda row: -need[row])[:6]
    expected = [rows[i] for i in brute_force(every[rows], labeled, 3)]
    found = choose(table, files, labeled, 3, "uncertainty", candidates=2)
    assert [choice.row for choice in found] == expected
    for choice in found:
        assert choice.need == need[choice.row]
    first = min(np.linalg.norm(every[expected[0]] - c) for c in labeled)
    assert found[0].distance == pytest.approx(first)


@pytest.mark.parametrize("strategy", ["uncertainty", "random"])
def test_without_candidates_the_need_alone_decides(files, strategy):
    table = read_table(files)
    need = needs(table, strategy, seed=4)
    candidates = 1 if strategy == "uncertainty" else 4
    found = choose(table, files, NONE, 5, strategy, candidates, seed=4)
    expected = sorted(range(18), key=lambda row: -need[row])[:5]
    assert [choice.row for choice in found] == expected
    every = read_features(files).astype(np.float64)[expected]
    assert found[0].distance == np.inf
    nearest = min(np.linalg.norm(every[2] - every[i]) for i in (0, 1))
    assert found[2].distance == pytest.approx(nearest)


def test_fewer_images_than_asked_for(files):
    table = read_table(files)
    found = choose(table, files, NONE, 100)
    assert sorted(choice.row for choice in found) == list(range(18))
    for arguments in ({"count": 0}, {"count": 1, "candidates": 0}):
        with pytest.raises(ConfigError, match="=0; allowed: 1 or more"):
            choose(table, files, NONE, **arguments)
