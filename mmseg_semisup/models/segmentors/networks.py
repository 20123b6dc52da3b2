"""Further networks of a training, by name, beside the student.

A second student that learns (cross pseudo supervision), a moving average, or a copy of
the student at an earlier time. Each is a plain segmentor, whose outputs objectives can
use, and which can be validated, exported and used for predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn as nn
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmseg.registry import MODELS

from ..counter import Counter
from ..frozen_backbone import copy_network
from ..step.prediction import check_segmentor
from ..teacher import Teacher
from ..training_facts import check_time, iterations

INITS = ("copy", "new")
STEP, BEST = "step", "best"
EVENTS = (STEP, BEST)


class Part:
    """What a model asks of a further network; here, nothing happens.

    Attributes:
        network: A plain segmentor.
        learns: Whether gradients train it.
        copies: Whether it starts as a copy of the student.
        validated: Whether it is validated beside the student.
    """

    network: nn.Module
    learns = False
    copies = True
    validated = True

    @property
    def ready(self) -> bool:
        """Whether it holds what its name says, so that it can give labels."""
        return True

    def start(self, student: nn.Module) -> None:
        """Take the student's weights before the first step, if it starts as a copy."""

    def follow(self, student: nn.Module, iteration: int) -> None:
        """Follow the student after an optimizer step.

        Args:
            student: The student's network.
            iteration: Iteration of the step, counted from 0.
        """

    def improve(self, student: nn.Module) -> None:
        """Note that the last validation was the best so far."""

    def make_ready(self, student: nn.Module) -> None:
        """Be :attr:`ready` at once, for a dry run."""


@MODELS.register_module()
class Peer(Part, BaseModule):
    """A second student, with gradients of its own.

    It has the supervised loss on labelled images, like the student, and the losses of
    objectives. Its optimizer is the one with its name in ``optim_wrapper``, or, without
    that key, the segmentor's.

    Args:
        student: The student's network.
        student_cfg: Its config.
        init: 'copy': the student's weights, including those of a loaded checkpoint;
            'new': another initialisation of the same config (CPS), after which the
            pretrained weights that it names are loaded, as in the student.
        segmentor: Config of another architecture; None: the student's.

    Raises:
        ValueError: If an argument is not allowed, or the segmentor cannot be read.
    """

    learns = True

    def __init__(
        self,
        student: nn.Module,
        student_cfg: Mapping[str, Any],
        init: str = "new",
        segmentor: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if init not in INITS or (init == "copy" and segmentor is not None):
            raise ValueError(
                f"Peer: init={init!r}; allowed: {INITS}, and 'copy' only without a "
                "segmentor of its own"
            )
        self.copies = init == "copy"
        if self.copies:
            self.network = copy_network(student)
        else:
            self.network = MODELS.build(ConfigDict(segmentor or student_cfg))
            check_segmentor(self.network)

    def start(self, student: nn.Module) -> None:
        """Take the student's weights before the first step, if it starts as a copy."""
        if self.copies:
            self.network.load_state_dict(student.state_dict())


@MODELS.register_module()
class Average(Part, Teacher):
    """A further mean teacher, with a name of its own.

    Args:
        student: The student's network.
        student_cfg: Its config.
        momentum: As in :class:`Teacher`.
        ramp: As in :class:`Teacher`.
        norm: As in :class:`Teacher`.
    """

    def __init__(
        self,
        student: nn.Module,
        student_cfg: Mapping[str, Any],
        momentum: float | Sequence[tuple[int, float]],
        ramp: bool = True,
        norm: str = "ema",
    ) -> None:
        super().__init__(student, momentum, ramp, norm)

    def start(self, student: nn.Module) -> None:
        """Copy the student."""
        if self.updates.value == 0:
            self.copy_from(student)

    def follow(self, student: nn.Module, iteration: int) -> None:
        """Move one step towards the student."""
        self.update(student, iteration)


@MODELS.register_module()
class Snapshot(Part, nn.Module):
    """The student as it was at the last multiple of ``interval``.

    Several snapshots with offsets hold the student at several earlier times, and the
    newest replaces the oldest one. Before the first of these times, there is nothing
    that could give labels: ``Ensemble`` leaves a snapshot out until then. Snapshots are
    not validated, as the student was.

    Args:
        student: The student's network.
        student_cfg: Its config.
        interval: Time between two copies: optimizer steps, or a share of the training.
        offset: Delay of the copies: optimizer steps, or a share of the training.
        every: Events that ``interval`` and ``offset`` count: 'step'; or 'best':
            validations that are the best so far, of which ``NewBestHook`` tells the
            model. This chooses by the masks of the validation data.

    Raises:
        ValueError: If an argument is out of its range.
    """

    validated = False

    def __init__(
        self,
        student: nn.Module,
        student_cfg: Mapping[str, Any],
        interval: float,
        offset: float = 0,
        every: str = STEP,
    ) -> None:
        super().__init__()
        if every not in EVENTS:
            raise ValueError(f"Snapshot: every={every!r}; allowed: {EVENTS}")
        check_time("Snapshot.interval", interval)
        check_time("Snapshot.offset", offset)
        mixed = offset != 0 and isinstance(offset, int) != isinstance(interval, int)
        shares = not isinstance(interval, int)
        if interval <= 0 or offset >= interval or mixed or (shares and every == BEST):
            raise ValueError(
                f"Snapshot: interval={interval}, offset={offset}, every={every!r}; "
                "allowed: interval above 0, and 0 <= offset < interval, both whole "
                "numbers, or, with every='step', both shares of the training"
            )
        self.interval = interval
        self.offset = offset
        self.every = every
        self.network = copy_network(student).requires_grad_(False)
        self.steps = Counter()
        self.train()

    def train(self, mode: bool = True) -> Snapshot:
        """Keep evaluation mode."""
        super().train(False)
        return self

    @property
    def first(self) -> int:
        """Number of events after which the first copy is made."""
        return iterations(self.offset) or max(iterations(self.interval), 1)

    @property
    def ready(self) -> bool:
        """Whether a copy has been made in this training."""
        return self._due(self.steps.value) > 0

    def _due(self, events: int) -> int:
        """Number of copies that are due after a number of events."""
        interval, offset = max(iterations(self.interval), 1), iterations(self.offset)
        return (events - offset) // interval + (offset > 0)

    def start(self, student: nn.Module) -> None:
        """Copy the student, as a network needs some weights."""
        if self.steps.value == 0:
            self._copy(student)

    def follow(self, student: nn.Module, iteration: int) -> None:
        """Count an optimizer step, and copy the student if a copy is due."""
        if self.every == STEP:
            in_steps = isinstance(self.interval, int)
            self._advance(student, self.steps.value if in_steps else iteration)

    def improve(self, student: nn.Module) -> None:
        """Count a validation, and copy the student if a copy is due."""
        if self.every == BEST:
            self._advance(student, self.steps.value)

    def make_ready(self, student: nn.Module) -> None:
        """Copy the student."""
        self.steps.value = max(self.steps.value, self.first)
        self._copy(student)

    def _advance(self, student: nn.Module, before: int) -> None:
        due = self._due(self.steps.value)
        self.steps.value = before + 1
        if self._due(self.steps.value) > due:
            self._copy(student)

    @torch.no_grad()
    def _copy(self, student: nn.Module) -> None:
        self.network.load_state_dict(student.state_dict())
