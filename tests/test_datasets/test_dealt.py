"""Another number of processes, batch or ratio: no sample is left out or dealt twice."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable

import pytest

from mmseg_semisup.datasets import SourceSampler
from mmseg_semisup.datasets.dealt import Dealt

SIZES = {"labeled": range(5), "unlabeled": range(7)}


class Sources(dict):
    """A data set of named sources."""

    def __init__(self, names: Iterable[str] = SIZES) -> None:
        self.sources = {name: SIZES[name] for name in names}


class Group:
    """The samplers of some processes, with a batch size."""

    def __init__(self, processes: int, batch: int, ratio: dict[str, int]) -> None:
        self.batch = batch
        self.samplers = []
        for rank in range(processes):
            sampler = SourceSampler(Sources(ratio), ratio, seed=3)
            sampler.world_size, sampler.rank = processes, rank
            self.samplers.append(sampler)

    def keys(self, begin: int, end: int) -> list:
        """The samples of all processes in some iterations."""
        found = []
        for sampler in self.samplers:
            sampler.skip(begin * self.batch)
            number = (end - begin) * self.batch
            found += itertools.islice(iter(sampler), number)
        return found


EVEN = {"labeled": 1, "unlabeled": 1}
WAYS = {
    "processes": [(1, 4, EVEN), (2, 2, EVEN)],
    "fewer processes": [(2, 4, EVEN), (1, 4, EVEN)],
    "batch": [(1, 2, EVEN), (1, 4, EVEN)],
    "ratio": [(2, 2, EVEN), (2, 3, {"labeled": 1, "unlabeled": 2})],
    "a source": [(1, 2, {"labeled": 1}), (1, 2, EVEN)],
    "within blocks": [
        (2, 3, EVEN),
        (3, 2, EVEN),
        (1, 5, {"labeled": 2, "unlabeled": 3}),
    ],
    "back": [(2, 3, EVEN), (1, 1, EVEN), (2, 3, EVEN)],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("iterations", [1, 2, 3, 7])
def test_no_sample_is_left_out_or_dealt_twice(way, iterations):
    seen = []
    before: tuple | None = None
    for number, (processes, batch, ratio) in enumerate([*WAYS[way], WAYS[way][-1]]):
        group = Group(processes, batch, ratio)
        begin = number * iterations
        if before is not None:
            dealt, position, was = before
            following = dealt.after(position, was.samplers[0].ratio, len(was.samplers))
            for sampler in group.samplers:
                sampler.deal_on(following, begin, batch, 0)
        # The last ones also deal what others have left in their blocks.
        end = begin + (60 if number == len(WAYS[way]) else iterations)
        seen += group.keys(begin, end)
        one = group.samplers[0]
        before = (one.dealt, one.position(end, batch, 0), group)
    for source, ordinals in ordinals_of(seen).items():
        assert len(ordinals) == len(set(ordinals)), source
        last = max(ordinals)
        missing = set(range(last)) - set(ordinals)
        # Those of blocks that are not finished at the very end.
        assert all(number > last - 15 for number in missing), source


def ordinals_of(keys: list) -> dict[str, list[int]]:
    """Source to the ordinals of its samples, which their seeds tell."""
    whole = SourceSampler(Sources(), EVEN, seed=3)
    known = {
        (source, whole._seed(source, number)): number
        for source in SIZES
        for number in range(2000)
    }
    found = defaultdict(list)
    for key in keys:
        number = known[key.source, key.seed]
        assert key.index == whole._index(key.source, number)
        found[key.source].append(number)
    return found


def test_one_process_and_two_deal_the_same_batches():
    """Blocks are whole: the global batches stay those of one process."""
    alone, pair = Group(1, 4, EVEN), Group(2, 2, EVEN)
    for sampler in pair.samplers:
        sampler.deal_on(Dealt().after(3 * 4, EVEN, 1), 3, 2, 0)
    for step in range(3, 9):
        assert sorted(pair.keys(step, step + 1)) == sorted(alone.keys(step, step + 1))


def test_epochs_are_counted_from_the_change():
    sampler = SourceSampler(Sources(), EVEN, seed=3, epoch="labeled")
    sampler.fill_batches(2)
    sampler.set_epoch(2)
    expected = list(sampler)
    sampler.deal_on(Dealt().after(sampler.position(0, 2, 2), EVEN, 1), 10, 2, 2)
    sampler.set_epoch(2)
    assert list(sampler) == expected
    sampler.set_epoch(3)
    assert sampler.position(0, 2, 3) == len(expected)


def test_plain_values_describe_it():
    dealt = Dealt(4, {"a": 3}, {"a": [1]})
    assert Dealt(**dealt.to_plain()) == dealt
    assert [dealt.ordinal("a", n) for n in range(3)] == [1, 3, 4]
