"""The mean teacher: an exponential average of the student (Tarvainen 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from .counter import Counter
from .frozen_backbone import copy_network
from .members import members_of
from .training_facts import check_time, iterations

NORM_CHOICES = ("ema", "copy", "own")
RAMP_CHOICES = (True, False, "half")


class Teacher(nn.Module):
    """An averaged copy of a network, which has no gradients.

    It shares a frozen backbone with the network.

    Args:
        network: The student, which is copied.
        momentum: Share of the old average in an update, in 0..1; or a list of ``(first
            update, momentum)``, ascending from 0. Instead of counts of updates, the
            first ones may be shares of the training's iterations, in [0, 1).
        ramp: Whether update t, from 0, uses at most ``1 - 1 / (t + 1)``, so that the
            first updates are a plain mean and the random start has no weight. With
            'half', t counts from 1, as in the code of Tarvainen 2017 and Mittal 2019:
            the first momentum is 0.5, and the start has the weight of one update.
        norm: Running statistics of normalisation layers: 'ema' averages the student's
            like the weights, 'copy' takes the student's; with 'own', the teacher
            normalises by its batches and has statistics of its own.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        network: nn.Module,
        momentum: float | Sequence[tuple[float, float]],
        ramp: bool | str = True,
        norm: str = "ema",
    ) -> None:
        super().__init__()
        table = [(0, momentum)] if isinstance(momentum, (int, float)) else momentum
        self.momenta = [(first, float(value)) for first, value in table]
        for first, _ in self.momenta:
            check_time("teacher.momentum", first)
        starts = [first for first, _ in self.momenta]
        if len({type(first) for first in starts if first}) > 1:
            raise ValueError(
                f"teacher.momentum={momentum!r}: give counts of updates or shares of "
                "the training, not both"
            )
        if starts[:1] != [0] or starts != sorted(set(starts)):
            raise ValueError(
                f"teacher.momentum={momentum!r}: a list must ascend from update 0"
            )
        if not all(0 <= value <= 1 for _, value in self.momenta):
            raise ValueError(f"teacher.momentum={momentum!r}; allowed: 0 to 1")
        if norm not in NORM_CHOICES:
            raise ValueError(f"teacher.norm={norm!r}; allowed: {NORM_CHOICES}")
        if ramp not in RAMP_CHOICES:
            raise ValueError(f"teacher.ramp={ramp!r}; allowed: {RAMP_CHOICES}")
        self.ramp = ramp
        self.norm = norm
        self.network = copy_network(network).requires_grad_(False)
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
    def update(self, student: nn.Module, iteration: int | None = None) -> float:
        """Move the average one step towards the student; return the momentum.

        Args:
            student: The network.
            iteration: Iteration of the update, counted from 0, which differs from the
                number of updates if gradients accumulate; None: it is the same.
        """
        step = self.updates.value
        now = step if iteration is None else iteration
        momentum = next(
            value
            for first, value in reversed(self.momenta)
            if (first <= step if isinstance(first, int) else iterations(first) <= now)
        )
        if self.ramp:
            start = 2 if self.ramp == "half" else 1
            momentum = min(1 - 1 / (step + start), momentum)
        averaged, current, copied, origins = self._pairs(student)
        if averaged:
            torch._foreach_lerp_(averaged, current, 1 - momentum)
        if copied:
            torch._foreach_copy_(copied, origins)
        self.updates.value += 1
        return momentum

    def _pairs(
        self, student: nn.Module
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """What is averaged, with what; and what is copied, from where."""
        averaged: list[Tensor] = []
        current: list[Tensor] = []
        copied: list[Tensor] = []
        origins: list[Tensor] = []
        here, there = members_of(self.network), members_of(student)
        weights = zip(here.parameters, there.parameters, strict=True)
        for mine, theirs in weights:
            if mine is not theirs:
                averaged.append(mine)
                current.append(theirs)
        if self.norm == "own":
            return averaged, current, copied, origins
        for own, other in zip(here.buffers, there.buffers, strict=True):
            if own is other:
                continue
            moves = self.norm == "ema" and own.is_floating_point()
            (averaged if moves else copied).append(own)
            (current if moves else origins).append(other)
        return averaged, current, copied, origins
