"""Further networks of a training, by name, beside the student.

A second student that learns (cross pseudo supervision), moving averages, or copies of
the student at earlier times: each is a plain segmentor, which objectives can ask for
outputs, and which can be validated, exported and used for predictions.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn as nn
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from ..counter import Counter
from ..step.prediction import check_segmentor
from ..teacher import Teacher

INITS = ("copy", "new")


@MODELS.register_module()
class Peer(nn.Module):
    """A second student, which learns from gradients of its own.

    It takes the supervised loss on labelled images as the student does; objectives add
    theirs. Its optimizer is the one of its name in ``optim_wrapper``, or, without that
    key, the segmentor's.

    Args:
        student: The student's network.
        student_cfg: Its config.
        init: 'copy': the student's weights, those of a loaded checkpoint included;
            'new': of the same config, initialised anew (CPS).
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
            self.network = copy.deepcopy(student)
        else:
            self.network = MODELS.build(ConfigDict(segmentor or student_cfg))
            check_segmentor(self.network)

    def start(self, student: nn.Module) -> None:
        """Take the student's weights before the first step, if it starts as a copy."""
        if self.copies:
            self.network.load_state_dict(student.state_dict())

    def follow(self, student: nn.Module) -> None:
        """Nothing: it moves by its optimizer."""


@MODELS.register_module()
class Average(Teacher):
    """A further mean teacher: :class:`Teacher` under a name of its own.

    Args:
        student: The student's network.
        student_cfg: Its config.
        momentum: As :class:`Teacher`'s.
        ramp: As :class:`Teacher`'s.
        norm: As :class:`Teacher`'s.
    """

    learns = False
    copies = True

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
        """Begin as the student."""
        if self.updates.value == 0:
            self.copy_from(student)

    def follow(self, student: nn.Module) -> None:
        """Move one step towards the student."""
        self.update(student)


@MODELS.register_module()
class Snapshot(nn.Module):
    """The student as it was at the last multiple of ``interval`` optimizer steps.

    Several of them, with offsets, are the students of several earlier times.

    Args:
        student: The student's network.
        student_cfg: Its config.
        interval: Optimizer steps between two copies.
        offset: Optimizer steps by which the copies are taken later.

    Raises:
        ValueError: If an argument is out of its range.
    """

    learns = False
    copies = True

    def __init__(
        self,
        student: nn.Module,
        student_cfg: Mapping[str, Any],
        interval: int,
        offset: int = 0,
    ) -> None:
        super().__init__()
        if interval < 1 or not 0 <= offset < interval:
            raise ValueError(
                f"Snapshot: interval={interval}, offset={offset}; allowed: interval "
                "at least 1, and 0 <= offset < interval"
            )
        self.interval = interval
        self.offset = offset
        self.network = copy.deepcopy(student).requires_grad_(False)
        self.steps = Counter()
        self.train()

    def train(self, mode: bool = True) -> Snapshot:
        """A snapshot stays in evaluation mode."""
        return super().train(False)

    def start(self, student: nn.Module) -> None:
        """Begin as the student."""
        if self.steps.value == 0:
            self.network.load_state_dict(student.state_dict())

    @torch.no_grad()
    def follow(self, student: nn.Module) -> None:
        """Count an optimizer step, and copy the student if it is time."""
        self.steps.value += 1
        if self.steps.value % self.interval == self.offset:
            self.network.load_state_dict(student.state_dict())
