"""The mean teacher: an exponential average of the student (Tarvainen 2017)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from .counter import Counter

NORM_CHOICES = ("ema", "copy", "own")


class Teacher(nn.Module):
    """An averaged copy of a network, which has no gradients.

    Args:
        network: The student, which is copied.
        momentum: Share of the old average in an update, in 0..1; or a list of ``(first
            update, momentum)``, ascending from 0.
        ramp: Whether update t uses at most ``1 - 1 / (t + 1)``, so that the first
            updates are a plain mean and the random start has no weight.
        norm: Running statistics of normalisation layers: 'ema' averages the student's
            like the weights, 'copy' takes the student's; with 'own', the teacher
            normalises by its batches and has statistics of its own.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        network: nn.Module,
        momentum: float | Sequence[tuple[int, float]],
        ramp: bool = True,
        norm: str = "ema",
    ) -> None:
        super().__init__()
        table = [(0, momentum)] if isinstance(momentum, (int, float)) else momentum
        self.momenta = [(int(first), float(value)) for first, value in table]
        starts = [first for first, _ in self.momenta]
        if starts[:1] != [0] or starts != sorted(set(starts)):
            raise ValueError(
                f"teacher.momentum={momentum!r}: a list must ascend from update 0"
            )
        if not all(0 <= value <= 1 for _, value in self.momenta):
            raise ValueError(f"teacher.momentum={momentum!r}; allowed: 0 to 1")
        if norm not in NORM_CHOICES:
            raise ValueError(f"teacher.norm={norm!r}; allowed: {NORM_CHOICES}")
        self.ramp = ramp
        self.norm = norm
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.updates = Counter()
        self.train()

    def train(self, mode: bool = True) -> Teacher:
        """Keep evaluation mode, except for norm layers with ``norm='own'``."""
        super().train(False)
        if mode and self.norm == "own":
            for module in self.modules():
                if isinstance(module, _NormBase):
                    module.train()
        return self

    @torch.no_grad()
    def copy_from(self, student: nn.Module) -> None:
        """Copy all weights and buffers of the student."""
        self.network.load_state_dict(student.state_dict())

    @torch.no_grad()
    def update(self, student: nn.Module) -> None:
        """Move the average one step towards the student."""
        step = self.updates.value
        momentum = next(v for first, v in reversed(self.momenta) if first <= step)
        if self.ramp:
            momentum = min(1 - 1 / (step + 1), momentum)
        averaged: list[Tensor] = list(self.network.parameters())
        current: list[Tensor] = list(student.parameters())
        for mine, theirs in zip(self.network.buffers(), student.buffers(), strict=True):
            if self.norm == "ema" and mine.is_floating_point():
                averaged.append(mine)
                current.append(theirs)
            elif self.norm != "own":
                mine.copy_(theirs)
        torch._foreach_lerp_(averaged, current, 1 - momentum)
        self.updates.value += 1
