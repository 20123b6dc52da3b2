"""The step as code written for earlier versions builds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..network_names import STUDENT, TEACHER
from ..step import step


class Step(step.Step):
    """A step of a student and a teacher; :class:`mmseg_semisup.models.Step` has more.

    Args:
        student: The segmentor that learns.
        teacher: Its moving average, or None.
        images: View to (N, 3, H, W), float, preprocessed.
        samples: View to its N data samples.
        iteration: Training iterations before this one.
        ignore_index: Label of pixels that do not count.
    """

    def __init__(
        self,
        student: nn.Module,
        teacher: nn.Module | None,
        images: Mapping[str, Tensor],
        samples: Mapping[str, Sequence[SegDataSample]],
        iteration: int,
        ignore_index: int = 255,
    ) -> None:
        networks = {STUDENT: student, TEACHER: teacher}
        super().__init__(networks, images, samples, iteration, ignore_index)
