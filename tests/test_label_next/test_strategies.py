from __future__ import annotations

import numpy as np
import pytest

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.label_next.criteria import rarity
from mmseg_semisup.label_next.scan import Chunk, ScoreFiles
from mmseg_semisup.label_next.scorer import Scores
from mmseg_semisup.label_next.strategies import (
    STRATEGIES,
    check_strategy,
    needs,
    percentiles,
    read_table,
)


def write(tmp_path, networks: bool = True, failed=(), count: int = 6) -> ScoreFiles:
    """Files of scores of some images, some of which could not be used."""
    generator = np.random.default_rng(0)
    files = ScoreFiles(tmp_path, "x", count)
    n = count - len(failed)
    rows = generator.random((3, n)).astype(np.float32)
    if not networks:
        rows[1] = np.nan
    shares = generator.dirichlet(np.ones(3), size=n).astype(np.float32)
    features = generator.random((n, 4)).astype(np.float16)
    files.write(
        0, Chunk(Scores(*rows, shares, features), list(failed), ["bad"] * len(failed))
    )
    return files


def slow_percentile(values, index: int) -> float:
    """Share of the other values that are smaller; equal ones count half."""
    others = [v for i, v in enumerate(values) if i != index]
    smaller = sum(v < values[index] for v in others)
    equal = sum(v == values[index] for v in others)
    return (smaller + equal / 2) / len(others)


@pytest.mark.parametrize(
    "values", [[3.0, 1.0, 2.0], [1.0, 1.0, 0.5, 1.0, 7.0], [2.0] * 4]
)
def test_percentiles_count_the_smaller_ones(values):
    expected = [slow_percentile(values, i) for i in range(len(values))]
    np.testing.assert_allclose(percentiles(np.array(values)), expected)


def test_a_single_image_is_in_the_middle():
    assert percentiles(np.array([7.0])).tolist() == [0.5]


def test_the_table_has_all_criteria(tmp_path):
    files = write(tmp_path, failed=[2])
    table = read_table(files)
    assert table.positions.tolist() == [0, 1, 3, 4, 5]
    assert table.failed == {2: "bad"}
    assert list(table.criteria) == ["uncertainty", "networks", "views", "rarity"]
    scores = files.read(0).scores
    np.testing.assert_array_equal(table.criteria["views"], scores.views)
    np.testing.assert_allclose(table.frequency, scores.shares.mean(axis=0), rtol=1e-6)
    expected = rarity(scores.shares, table.frequency)
    np.testing.assert_array_equal(table.criteria["rarity"], expected)


def test_all_criteria_have_equal_weight(tmp_path):
    table = read_table(write(tmp_path))
    found = needs(table, "all")
    for row in range(6):
        ranks = [slow_percentile(list(v), row) for v in table.criteria.values()]
        assert found[row] == pytest.approx(sum(ranks) / 4)


def test_every_strategy_gives_a_need_from_0_to_1(tmp_path):
    table = read_table(write(tmp_path))
    for name in STRATEGIES:
        need = needs(table, name)
        assert need.shape == (6,)
        assert 0 <= need.min() <= need.max() <= 1
    order = needs(table, "uncertainty").argsort()
    assert order.tolist() == table.criteria["uncertainty"].argsort().tolist()


def test_random_numbers_have_a_seed(tmp_path):
    table = read_table(write(tmp_path))
    assert needs(table, "random", 1).tolist() == needs(table, "random", 1).tolist()
    assert needs(table, "random", 1).tolist() != needs(table, "random", 2).tolist()


def test_one_network_disagrees_with_none(tmp_path):
    table = read_table(write(tmp_path, networks=False))
    assert list(table.criteria) == ["uncertainty", "views", "rarity"]
    assert len(needs(table, "all")) == 6
    with pytest.raises(ConfigError, match="has one network; allowed: all, random, unc"):
        needs(table, "networks")


def test_misspelt_strategies_and_no_usable_image(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'rarity'"):
        check_strategy("rarty")
    with pytest.raises(ConfigError, match="none of 2 images can be used: bad"):
        read_table(write(tmp_path, failed=[0, 1], count=2))
