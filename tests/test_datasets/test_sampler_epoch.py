import pytest
from torch.utils.data import DataLoader

from mmseg_semisup.datasets import SourceSampler


class Sources(dict):
    """A data set of named sources, whose samples are their keys."""

    sources = {"labeled": range(5), "unlabeled": range(20)}

    def __getitem__(self, key):
        return key


def epochs(batch_size, world_size=1, rank=0, epoch="labeled", count=2):
    sampler = SourceSampler(
        Sources(), {"labeled": 1, "unlabeled": 1}, seed=0, epoch=epoch
    )
    sampler.world_size, sampler.rank = world_size, rank
    sampler.fill_batches(batch_size)
    loader = DataLoader(Sources(), batch_size, sampler=sampler, collate_fn=list)
    made = []
    for number in range(count):
        sampler.set_epoch(number)
        made.append([key for batch in loader for key in batch])
        assert len(loader) * batch_size == len(made[-1])
    return made


def test_an_epoch_has_every_image_of_its_source():
    first, second = epochs(batch_size=2)
    for keys in (first, second):
        seen = [key.index for key in keys if key.source == "labeled"]
        assert sorted(seen) == list(range(5))
    assert first != second


def test_the_last_batch_is_filled_up():
    first, second = epochs(batch_size=4)
    assert len(first) == len(second) == 12
    seen = [key.index for key in first + second if key.source == "labeled"]
    # The stream goes on where the epoch before ended.
    assert sorted(seen[:5]) == sorted(seen[5:10]) == list(range(5))


def test_the_other_source_may_make_the_epoch():
    (first,) = epochs(batch_size=4, epoch="unlabeled", count=1)
    seen = [key.index for key in first if key.source == "unlabeled"]
    assert sorted(seen) == list(range(20))


def test_processes_share_an_epoch():
    parts = [epochs(batch_size=2, world_size=2, rank=r, count=1)[0] for r in (0, 1)]
    assert len(parts[0]) == len(parts[1]) == 6
    seen = [k.index for keys in parts for k in keys if k.source == "labeled"]
    assert set(seen) == set(range(5))
    assert len(seen) == 6


def test_a_source_must_exist():
    with pytest.raises(ValueError, match="epoch='labelled'; allowed"):
        SourceSampler(Sources(), {"labeled": 1, "unlabeled": 1}, epoch="labelled")
