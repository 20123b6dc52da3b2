"""ClassMix: pastes whole classes of an image into another one."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..step.step import Step
from .mix import PAIRINGS, Mix, partners
from .mixing import Mixing, Target


@MODELS.register_module()
class ClassMix(Mix):
    """Pastes half of the classes of one image into another one.

    Olsson et al., ClassMix, WACV 2021, https://arxiv.org/abs/2007.07936, Algorithm 1:
    of the n classes that the labels of an image show, n/2 are drawn, rounded down, and
    all their pixels are pasted. Of an image with one class, or without any, nothing is.

    Args:
        pairing: The image whose classes are pasted, as for ``CutMix``.

    Raises:
        ValueError: If the pairing does not exist.
    """

    def __init__(self, pairing: str = "next") -> None:
        super().__init__()
        if pairing not in PAIRINGS:
            raise ValueError(f"ClassMix: pairing={pairing!r}; allowed: {PAIRINGS}")
        self.pairing = pairing

    def forward(self, target: Target, step: Step) -> Mixing:
        """Draw classes of each image, and mark their pixels in its partner."""
        classes = target.classes
        partner = partners(len(classes), self.pairing, classes.device)
        labels = step.num_classes, target.view.ignore_index
        return Mixing(half_of_classes(classes, *labels)[partner], partner)


def half_of_classes(labels: Tensor, num_classes: int, ignore_index: int) -> Tensor:
    """Mark the pixels of half of the classes of each image, (N, H, W), bool.

    The classes are drawn without the host waiting for the device.

    Args:
        labels: (N, H, W), int64, in 0..C-1 or ``ignore_index``.
        num_classes: C.
        ignore_index: Label of pixels without a class.

    Example:
        >>> labels = torch.tensor([[[0, 0, 2, 2]], [[1, 1, 1, 255]]])
        >>> half_of_classes(labels, 3, 255).sum(dim=(1, 2))
        tensor([2, 0])
    """
    count = len(labels)
    # One more class, which is never drawn, takes the ignored pixels.
    flat = labels.masked_fill(labels == ignore_index, num_classes).flatten(1)
    present = flat.new_zeros((count, num_classes + 1), dtype=torch.bool)
    present.scatter_(1, flat, True)
    present[:, num_classes] = False
    drawn = torch.rand(present.shape, device=labels.device).masked_fill(~present, -1.0)
    rank = drawn.argsort(dim=1, descending=True).argsort(dim=1)
    chosen = present & (rank < present.sum(dim=1, keepdim=True) // 2)
    return chosen.gather(1, flat).view_as(labels)
