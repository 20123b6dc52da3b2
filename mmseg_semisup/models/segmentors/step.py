"""The constructor of a step with the arguments of earlier versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..network_names import STUDENT, TEACHER
from ..step import step


class Step(step.Step):
    """A step of a student and a teacher; see :class:`mmseg_semisup.models.Step`.

    Args:
        student: The segmentor that learns.
        teacher: Its moving average, or None.
        images: View to (N, 3, H, W), float, preprocessed.
        samples: View to its N data samples.
        iteration: Number of training iterations before this one.
        ignore_index: Label of ignored pixels.
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
