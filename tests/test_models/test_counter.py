from __future__ import annotations

import torch

from mmseg_semisup.models.counter import Counter


def test_the_count_travels_in_the_state():
    first, second = Counter(), Counter()
    first.value = 7
    second.load_state_dict(first.state_dict())
    assert second.value == 7
    assert isinstance(second.value, int)


def test_the_count_does_not_move_with_the_model():
    counter = Counter().to(torch.bfloat16)
    counter.value = 2**20 + 1
    other = Counter()
    other.load_state_dict(counter.state_dict())
    assert other.value == 2**20 + 1
