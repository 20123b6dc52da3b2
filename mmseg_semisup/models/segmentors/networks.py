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

INITS = ("copy", "new")


@MODELS.register_module()
class Peer(BaseModule):
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

    def follow(self, student: nn.Module) -> None:
        """Do nothing, because its optimizer moves it."""


@MODELS.register_module()
class Average(Teacher):
    """A further mean teacher, with a name of its own.

    Args:
        student: The student's network.
        student_cfg: Its config.
        momentum: As in :class:`Teacher`.
        ramp: As in :class:`Teacher`.
        norm: As in :class:`Teacher`.
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
        """Copy the student."""
        if self.updates.value == 0:
            self.copy_from(student)

    def follow(self, student: nn.Module) -> None:
        """Move one step towards the student."""
        self.update(student)


@MODELS.register_module()
class Snapshot(nn.Module):
    """The student as it was at the last multiple of ``interval`` optimizer steps.

    Several snapshots with offsets hold the student at several earlier times.

    Args:
        student: The student's network.
        student_cfg: Its config.
        interval: Optimizer steps between two copies.
        offset: Delay of the copies, in optimizer steps.

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
        self.network = copy_network(student).requires_grad_(False)
        self.steps = Counter()
        self.train()

    def train(self, mode: bool = True) -> Snapshot:
        """Keep evaluation mode."""
        return super().train(False)

    def start(self, student: nn.Module) -> None:
        """Copy the student."""
        if self.steps.value == 0:
            self.network.load_state_dict(student.state_dict())

    @torch.no_grad()
    def follow(self, student: nn.Module) -> None:
        """Count an optimizer step, and copy the student if a copy is due."""
        self.steps.value += 1
        if self.steps.value % self.interval == self.offset:
            self.network.load_state_dict(student.state_dict())
