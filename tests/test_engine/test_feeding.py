"""How data loaders feed a GPU."""

import copy
from types import SimpleNamespace

import pytest
import torch
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from mmseg_semisup.engine import feeding
from mmseg_semisup.engine.console import ConciseRunner
from mmseg_semisup.engine.feeding import PREFETCH_FACTOR, with_feeding


@DATASETS.register_module()
class Three_of_the_feeding_test(Dataset):  # noqa: N801
    """Three numbers."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return {"inputs": torch.tensor(index)}


LOADER = {
    "batch_size": 1,
    "num_workers": 1,
    "sampler": {"type": "DefaultSampler", "shuffle": False},
    "dataset": {"type": "Three_of_the_feeding_test"},
}


def machine(monkeypatch, cuda):
    here = SimpleNamespace(is_available=lambda: cuda)
    monkeypatch.setattr(feeding, "torch", SimpleNamespace(cuda=here))


def built(monkeypatch, cuda, **changes):
    machine(monkeypatch, cuda)
    given = {**copy.deepcopy(LOADER), **changes}
    before = copy.deepcopy(given)
    loader = ConciseRunner.build_dataloader(given, seed=0)
    assert given == before
    return loader.pin_memory, loader.persistent_workers, loader.prefetch_factor


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, True, PREFETCH_FACTOR)),
        ({"num_workers": 0}, (True, False, None)),
        ({"pin_memory": False}, (False, True, PREFETCH_FACTOR)),
        ({"persistent_workers": False}, (True, False, PREFETCH_FACTOR)),
        ({"prefetch_factor": 3}, (True, True, 3)),
    ],
)
def test_cuda_is_fed_unless_the_config_says_how(monkeypatch, changes, expected):
    assert built(monkeypatch, cuda=True, **changes) == expected


@pytest.mark.parametrize("changes", [{}, {"prefetch_factor": 3}])
def test_a_cpu_is_fed_as_the_config_says(monkeypatch, changes):
    expected = (False, False, changes.get("prefetch_factor", 2))
    assert built(monkeypatch, cuda=False, **changes) == expected


def test_a_loader_that_is_built_stays(monkeypatch):
    machine(monkeypatch, cuda=True)
    loader = torch.utils.data.DataLoader([1])
    assert ConciseRunner.build_dataloader(loader) is loader
    assert with_feeding({})["pin_memory"]
