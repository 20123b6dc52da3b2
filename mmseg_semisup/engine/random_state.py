"""Saves and restores the random generators that networks draw from, e.g. for dropout.

Augmentation does not need them: its seeds follow from the position in the stream.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log

State = dict[str, Any]


def gather_random_states(state: State) -> list[State]:
    """Gather the states of all processes; all of them must call this.

    Args:
        state: State of this process, from :func:`random_state`.

    Returns:
        One state for each process.
    """
    return all_gather_object(state)


def random_state() -> State:
    """The state of this process's generators, in tensors and plain numbers.

    Returns:
        Keys are 'cpu', 'python', 'numpy', and 'cuda' if there is one.
    """
    numpy_state: Any = np.random.get_state()
    kind, words, *rest = numpy_state
    state = {
        "cpu": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": (kind, words.tolist(), *rest),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: State) -> None:
    """Set the generators to a state.

    Args:
        state: A result of :func:`random_state`; generators that it lacks stay as they
            are.
    """
    torch.set_rng_state(state["cpu"].cpu())
    if "python" in state:
        random.setstate(state["python"])
        np.random.set_state(state["numpy"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())


def restore_random_states(states: list[State]) -> None:
    """Restore the state of this process, if there are as many processes as before.

    Args:
        states: The result of :func:`gather_random_states`.
    """
    if len(states) == get_world_size():
        set_random_state(states[get_rank()])
    else:
        print_log(
            f"The checkpoint is of {len(states)} processes, these are "
            f"{get_world_size()}: random numbers start anew",
            logger="current",
        )
