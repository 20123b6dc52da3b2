"""Mixup: blends each image with another one."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS

from ..step.step import Step
from .mix import PAIRINGS, Mix, partners
from .mixing import Blending, Target


@MODELS.register_module()
class Mixup(Mix):
    """Blends each image and its probabilities with those of another image.

    Verma et al., Interpolation consistency training, IJCAI 2019,
    https://arxiv.org/abs/1903.03825, Eq. 1: the share of the other image is drawn from
    Beta(alpha, alpha). It needs a loss of probabilities (``SquaredDifference``).

    Args:
        alpha: Parameter of the distribution, above 0; a small one gives shares near 0
            or 1.
        pairing: The other image, as for ``CutMix``.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(self, alpha: float = 0.1, pairing: str = "next") -> None:
        super().__init__()
        if alpha <= 0:
            raise ValueError(f"Mixup: alpha={alpha}; allowed: above 0")
        if pairing not in PAIRINGS:
            raise ValueError(f"Mixup: pairing={pairing!r}; allowed: {PAIRINGS}")
        self.alpha = alpha
        self.pairing = pairing

    def forward(self, target: Target, step: Step) -> Blending:
        """Draw the share of the partner in each image."""
        images = target.view.images
        count, device = len(images), images.device
        parameter = torch.tensor(self.alpha, device=device)
        share = torch.distributions.Beta(parameter, parameter).sample((count,))
        return Blending(share, partners(count, self.pairing, device))
