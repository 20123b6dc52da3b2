"""The memory of each class against lists that only grow."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.models.class_memory import (
    ClassMemory,
    draw_members,
    spread_members,
)

CLASSES, CAPACITY = 3, 5


def push(memory, kept, first):
    """Push vectors that hold their own number; returns those of each class."""
    count = kept.shape[1]
    numbers = torch.arange(first, first + CLASSES * count).view(CLASSES, count)
    memory.push(numbers[..., None].expand(-1, -1, 2).float(), kept)
    return [n[k].tolist() for n, k in zip(numbers, kept, strict=True)]


def content(memory):
    """What each class has, sorted."""
    found = []
    for rows, count in zip(memory.features, memory.counts.tolist(), strict=True):
        assert torch.equal(rows[:, 0], rows[:, 1])
        found.append(sorted(rows[:count, 0].int().tolist()))
    return found


def filled(steps, seed=0, capacity=CAPACITY):
    generator = torch.Generator().manual_seed(seed)
    memory, expected = ClassMemory(CLASSES, capacity, 2), [[], [], []]
    for step in range(steps):
        kept = torch.rand(CLASSES, 4, generator=generator) < 0.6
        kept[2] = False
        for own, new in zip(expected, push(memory, kept, 100 * step), strict=True):
            own += new
    return memory, expected


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 9])
def test_each_class_holds_its_newest(steps):
    memory, expected = filled(steps)
    assert content(memory) == [sorted(own[-CAPACITY:]) for own in expected]
    assert memory.pushed.tolist() == [len(own) for own in expected]


def test_more_new_vectors_than_there_is_room_for():
    memory = ClassMemory(CLASSES, CAPACITY, 2)
    push(memory, torch.ones(CLASSES, 8, dtype=torch.bool), 0)
    assert content(memory) == [list(range(n, n + CAPACITY)) for n in (0, 8, 16)]


def test_draws_are_of_the_class_and_reach_every_vector():
    memory, expected = filled(9)
    drawn = memory.draw(torch.tensor([1, 2, 0]), 40, 5)
    assert drawn.shape == (3, 40, 5, 2)
    assert set(drawn[0, ..., 0].flatten().tolist()) == set(expected[1][-CAPACITY:])
    assert set(drawn[2, ..., 0].flatten().tolist()) == set(expected[0][-CAPACITY:])
    assert not drawn[1].any(), "a class that has none"


@pytest.mark.parametrize("capacity", [2, CAPACITY, 8])
@pytest.mark.parametrize("steps", [0, 1, 9])
def test_resumes_with_any_capacity(capacity, steps):
    old, expected = filled(steps)
    memory = ClassMemory(CLASSES, capacity, 2)
    memory.load_state_dict(old.state_dict())
    most = min(capacity, CAPACITY)
    assert content(memory) == [sorted(own[-most:]) for own in expected]
    # The next vectors take the place of the oldest ones.
    new = push(memory, torch.ones(CLASSES, 1, dtype=torch.bool), 10_000)
    kept = [
        (own[-most:] + one)[-capacity:] for own, one in zip(expected, new, strict=True)
    ]
    assert content(memory) == [sorted(own) for own in kept]


def test_resumes_exactly():
    memory, _ = filled(3)
    other = ClassMemory(CLASSES, CAPACITY, 2)
    other.load_state_dict(memory.state_dict())
    for each in (memory, other):
        push(each, torch.tensor([[True, False]] * CLASSES), 500)
    torch.manual_seed(1)
    first = memory.draw(torch.arange(CLASSES), 9)
    torch.manual_seed(1)
    assert torch.equal(first, other.draw(torch.arange(CLASSES), 9))


def test_members_are_drawn_evenly():
    mask = torch.zeros(3, 50, dtype=torch.bool)
    mask[0, [3, 20, 49]] = True
    mask[1] = True
    drawn = draw_members(mask, 3000)
    assert drawn.shape == (3, 3000)
    counts = drawn[0].bincount(minlength=50)
    assert counts.nonzero().flatten().tolist() == [3, 20, 49]
    assert counts[counts > 0].min() > 850
    assert drawn[1].unique().tolist() == list(range(50))
    assert drawn[2].min() >= 0, "an empty set"
    assert drawn[2].max() < 50


def test_chosen_members_are_spread():
    mask = torch.zeros(3, 50, dtype=torch.bool)
    mask[0, [3, 20, 49]] = True
    mask[1, 5:45] = True
    indices, count = spread_members(mask, 4)
    assert indices[0][count[0]].tolist() == [3, 20, 49]
    assert indices[1].tolist() == [5, 15, 25, 35]
    assert count[1].all()
    assert not count[2].any()
    assert indices.max() < 50


def test_a_capacity_of_nothing_is_refused():
    with pytest.raises(ValueError, match="memory_size=0"):
        ClassMemory(2, 0, 3)
