from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.label_next import choose as choose_module
from mmseg_semisup.label_next import scan as scan_module
from mmseg_semisup.label_next.choose import choose, cover_greedy, read_features
from mmseg_semisup.label_next.scan import Chunk, ScoreFiles
from mmseg_semisup.label_next.scorer import Scores
from mmseg_semisup.label_next.strategies import needs, read_table

NONE = np.zeros((0, 2))


def points(count: int, seed: int, dimensions: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).random((count, dimensions))


def unit(count: int, seed: int, dimensions: int = 3) -> np.ndarray:
    """Points of length 1."""
    found = points(count, seed, dimensions)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def left(every, weights, centers) -> float:
    """Weighted squared distance of all points to the nearest centre; 4 without one."""
    return sum(
        w * min([4.0, *(float(np.sum((x - c) ** 2)) for c in centers)])
        for x, w in zip(every, weights, strict=True)
    )


def brute_force(every, weights, centers, count: int) -> list[int]:
    """Indices of the points, each with the sum computed anew for every choice."""
    chosen: list[int] = []
    while len(chosen) < count:
        sums = {
            i: left(every, weights, [*centers, *every[chosen], every[i]])
            for i in range(len(every))
            if i not in chosen
        }
        chosen.append(min(sums, key=sums.__getitem__))
    return chosen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("covered", [0, 3])
def test_greedy_choice_against_brute_force(seed, covered):
    every, centers = unit(12, seed), unit(covered, 100 + seed)
    weights = np.random.default_rng(seed).random(12)
    found = cover_greedy(every, weights, centers, 6)
    assert found == brute_force(every, weights, centers, 6)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_choice_is_nearly_as_good_as_the_best(seed):
    every, weights = unit(10, seed), np.random.default_rng(seed).random(10)
    chosen = cover_greedy(every, weights, NONE, 3)
    start = left(every, weights, [])
    best = min(
        left(every, weights, every[list(some)])
        for some in itertools.combinations(range(10), 3)
    )
    own = left(every, weights, every[chosen])
    assert start - own >= (1 - 1 / np.e) * (start - best)


def test_a_crowd_counts_more_than_what_stands_alone():
    """The farthest image is often an odd one, which stands for no other."""
    crowd = np.array([[1.0, 0.01 * i, 0] for i in range(9)])
    every = np.concatenate([crowd, [[0, 0, 1.0]]])
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    labeled = np.array([[0, 1.0, 0]])
    assert cover_greedy(every, np.ones(10), labeled, 2)[0] != 9
    needy = np.array([*np.full(9, 0.01), 1.0])
    assert cover_greedy(every, needy, labeled, 2)[0] == 9


def test_equal_points_are_chosen_last_and_once():
    every = np.array([[0.0, 1], [0, 1], [1, 0], [0, 1], [-1, 0]])
    found = cover_greedy(every, np.ones(5), NONE, 5)
    assert found[0] == 0
    assert set(found[1:3]) == {2, 4}
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert len(cover_greedy(every, np.ones(5), NONE, 50)) == 5
    assert cover_greedy(np.zeros((3, 2)), np.ones(3), NONE, 3) == [0, 1, 2]


def test_need_of_nobody_and_no_point():
    assert cover_greedy(unit(3, 0), np.zeros(3), NONE, 2) == [0, 1]
    assert cover_greedy(NONE, np.zeros(0), NONE, 2) == []


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


@pytest.mark.parametrize("candidates", [None, 2])
def test_those_that_stand_for_the_need_of_all_are_chosen(files, candidates):
    table = read_table(files)
    need = needs(table, "uncertainty")
    every = read_features(files).astype(np.float64)
    labeled = points(2, 9, 5)
    rows = sorted(range(18), key=lambda row: -need[row])[: candidates and 6]
    order = brute_force(every[rows], need[rows], labeled, 3)
    expected = [rows[i] for i in order]
    found = choose(table, files, labeled, 3, "uncertainty", candidates)
    assert [choice.row for choice in found] == expected
    for choice in found:
        assert choice.need == need[choice.row]
    first = min(np.linalg.norm(every[expected[0]] - c) for c in labeled)
    assert found[0].distance == pytest.approx(first)


def test_of_very_many_candidates_some_are_drawn(files, monkeypatch):
    monkeypatch.setattr(choose_module, "MOST", 6)
    monkeypatch.setattr(choose_module, "ROUND", 3)
    table = read_table(files)
    chosen = [
        tuple(c.row for c in choose(table, files, NONE, 3, seed=seed))
        for seed in (0, 0, 1, 2, 3)
    ]
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 2
    # A round chooses three; the next one begins where it ended, and none comes twice.
    labeled, rounds = points(2, 9, 5), []

    def cover(every, weights, centers, count):
        rounds.append((len(every), len(centers), count))
        return cover_greedy(every, weights, centers, count)

    monkeypatch.setattr(choose_module, "cover_greedy", cover)
    more = [choice.row for choice in choose(table, files, labeled, 8)]
    assert rounds == [(6, 2, 3), (6, 5, 3), (6, 8, 2)]
    assert len(set(more)) == 8
    everything = [choice.row for choice in choose(table, files, labeled, 50)]
    assert sorted(everything) == list(range(18))


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
