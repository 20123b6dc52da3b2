"""CutOut: erases a rectangle of each image."""

from __future__ import annotations

from typing import ClassVar

from mmseg.registry import MODELS

from ..step.step import Step
from .mix import Mix, random_boxes
from .mixing import Erasing, Target


@MODELS.register_module()
class CutOut(Mix):
    """Erases a rectangle of each image, whose pixels are then not learnt.

    French et al., BMVC 2020, section 3.3, after DeVries and Taylor, 2017. Area, sides
    and position are drawn as for ``CutMix``. The rectangle gets the mean colour; its
    pixels have no loss, and count in the mean.

    Args:
        area: Least and greatest area, as shares of the image.

    Raises:
        ValueError: If it is out of its range.
    """

    pairs: ClassVar[bool] = False

    def __init__(self, area: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__()
        least, greatest = area
        if not 0 <= least <= greatest <= 1:
            raise ValueError(
                f"CutOut: area={area}; allowed: 0 <= least <= greatest <= 1"
            )
        self.area = (least, greatest)

    def forward(self, target: Target, step: Step) -> Erasing:
        """Draw a rectangle in each image."""
        view = target.view
        boxes = random_boxes(len(view), view.size, self.area, view.images.device)
        return Erasing(boxes)
