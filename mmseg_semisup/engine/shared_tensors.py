"""Tensors that several networks of a model share, once in a checkpoint."""

from __future__ import annotations

from typing import Any

from torch import nn


def share_tensors(state: dict[str, Any], model: nn.Module) -> None:
    """Let names of one tensor of the model be names of one tensor in a checkpoint.

    Student and teacher share a frozen backbone. The copy from a GPU makes two of each
    of its tensors, and the file would hold both.

    Args:
        state: The model's ``state_dict`` on the CPU; changed in place.
        model: The model, not wrapped.
    """
    first: dict[int, str] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        known = first.setdefault(id(value), name)
        if known != name and known in state and name in state:
            state[name] = state[known]
