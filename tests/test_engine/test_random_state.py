from __future__ import annotations

import random

import numpy as np
import torch
from processes import in_two_processes

from mmseg_semisup.engine.random_state import (
    gather_random_states,
    random_state,
    restore_random_states,
    set_random_state,
)


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_generators_go_on_from_a_state():
    state = random_state()
    first = draw()
    assert draw() != first
    set_random_state(state)
    assert draw() == first


def test_a_state_without_all_generators_leaves_the_others_alone():
    state = random_state()
    random.seed(5)
    expected = random.Random(5).random()
    set_random_state({"cpu": state["cpu"]})
    assert random.random() == expected


def states_of_two(rank):
    torch.manual_seed(rank)
    states = gather_random_states(random_state())
    first = draw()
    restore_random_states(states)
    again = draw()
    restore_random_states(states[:1])
    return first, again, draw()


def test_each_process_goes_on_from_its_own():
    """And from none, if there were others than two of them."""
    found = in_two_processes(states_of_two)
    for first, again, anew in found:
        assert again == first
        assert anew != first
    assert found[0][0] != found[1][0]
