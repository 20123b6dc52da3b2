"""What an objective teaches, so that another one can teach it with other labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from ..step.step import Step
from .labels import LabelSource
from .mixing import Target
from .select import Select


class Labelling(NamedTuple):
    """Who labels, and which pixels of the labels count.

    Attributes:
        source: Labels images.
        select: Weights the pixels.
        partners: Labels images that are pasted from another view.
    """

    source: LabelSource
    select: Select
    partners: LabelSource


class Lesson(NamedTuple):
    """The images that the student has seen for an objective, and their loss.

    Attributes:
        targets: Function that labels the images; they are mixed as the student has seen
            them.
        loss: Loss of the student's predictions, for such targets; a scalar.
    """

    targets: Callable[[Labelling], list[Target]]
    loss: Callable[[Sequence[Target]], Tensor]


def teach(step: Step, objective: str, lesson: Lesson) -> None:
    """Keep the lesson of an objective for later objectives of the step.

    Args:
        step: The step.
        objective: Name of the objective.
        lesson: Its lesson.
    """
    step.once(("lesson", objective), lambda: lesson)


def taught(step: Step, objective: str) -> Lesson | None:
    """The lesson of an earlier objective; None: it has not started.

    Args:
        step: The step.
        objective: Name of the objective.
    """
    return step.once(("lesson", objective), lambda: None)
