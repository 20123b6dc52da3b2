"""The ring buffer against a list that only grows."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict as mmengine_load

from mmseg_semisup.models.memory_bank import MemoryBank, gather_images, spread_indices


def rows(first, count):
    """Vectors that hold their own number."""
    labels = torch.arange(first, first + count)
    return labels[:, None].expand(-1, 3).float(), labels


def newest(bank):
    features, labels = bank.content()
    assert torch.equal(features, labels[:, None].expand(-1, 3).float())
    return sorted(labels.tolist())


@pytest.mark.parametrize("sizes", [(3, 3, 3, 3), (5, 1, 7, 2, 30, 4), (7, 7), (0, 8)])
def test_holds_the_newest(sizes):
    bank, pushed = MemoryBank(7, 3), 0
    assert newest(bank) == []
    for size in sizes:
        bank.push(*rows(pushed, size))
        pushed += size
        assert newest(bank) == list(range(max(pushed - 7, 0), pushed))
        assert len(bank) == min(pushed, 7)


def test_no_capacity():
    bank = MemoryBank(0, 3)
    bank.push(*rows(0, 4))
    assert len(bank) == 0
    assert bank.content()[0].shape == (0, 3)
    with pytest.raises(ValueError, match="bank_size=-1"):
        MemoryBank(-1, 3)


def test_constants_only():
    bank = MemoryBank(4, 3)
    features, labels = rows(0, 2)
    bank.push(features.requires_grad_(), labels)
    assert not bank.features.requires_grad


@pytest.mark.parametrize("load", ["torch", "mmengine"])
@pytest.mark.parametrize("capacity", [7, 4, 12, 0])
@pytest.mark.parametrize("pushed", [0, 5, 10])
def test_resumes_with_any_capacity(pushed, capacity, load):
    """Also below another module, and the old state is left as it was."""
    old = torch.nn.ModuleDict({"bank": MemoryBank(7, 3)})
    old["bank"].push(*rows(0, pushed))
    state = copy.deepcopy(old.state_dict())
    new = torch.nn.ModuleDict({"bank": MemoryBank(capacity, 3)})
    if load == "torch":
        new.load_state_dict(state)
    else:
        mmengine_load(new, state, strict=True)
    kept = min(pushed, 7, capacity)
    assert newest(new["bank"]) == list(range(pushed - kept, pushed))
    new["bank"].push(*rows(pushed, 2))
    expected = min(kept + 2, capacity)
    assert newest(new["bank"]) == list(range(pushed + 2 - expected, pushed + 2))


def test_one_process_gathers_its_own():
    own = torch.rand(3, 2, requires_grad=True)
    gathered = gather_images(own)
    assert torch.equal(gathered, own)
    assert not gathered.requires_grad


@pytest.mark.parametrize("size", [1, 2, 7, 100, 12800])
def test_places_are_distinct_and_change(size):
    count = max(size // 2, 1)
    device = torch.device("cpu")
    places = [spread_indices(size, count, step, device) for step in range(3)]
    for one in places:
        assert one.unique().numel() == count
        assert one.min() >= 0
        assert one.max() < size
    if size > 1000:
        assert not torch.equal(places[0], places[1])
        # Every twentieth of the places gives about as many.
        shares = torch.histc(places[2].float(), 20, 0, size) / count
        assert (shares - 0.05).abs().max() < 0.02
    everything = spread_indices(size, size, 5, device)
    assert everything.sort().values.tolist() == list(range(size))
