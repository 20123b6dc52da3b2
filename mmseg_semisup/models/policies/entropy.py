"""Selection of pixels by the entropy of their prediction (U2PL)."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..step.step import Step
from .labels import Judgement
from .select import Select


@MODELS.register_module()
class EntropyPercentile(Select):
    """Selects the pixels whose prediction has a low entropy.

    Wang et al., U2PL, CVPR 2022, https://arxiv.org/abs/2203.03884, section 3.3: the
    threshold gamma_t is a percentile of the entropy of the valid pixels of a step, in
    each process, so that the share ``alpha_t = alpha_0 (1 - t / T)`` of them is above
    it, with t / T the finished share of the training.

    Args:
        unreliable: alpha_0, the share of unreliable pixels at the start, in 0..1.

    Raises:
        ValueError: If it is out of its range.
    """

    def __init__(self, unreliable: float = 0.2) -> None:
        super().__init__()
        check_share(type(self).__name__, unreliable)
        self.unreliable = unreliable

    def forward(self, judgement: Judgement, step: Step) -> Tensor:
        """The reliable pixels, (N, H, W), bool; at least one, if any is valid."""
        share = self.unreliable * (1 - step.progress)
        entropy = judgement.measure(pixel_entropy)
        return judgement.valid & (
            entropy <= masked_quantile(entropy, judgement.valid, 1 - share)
        )


def check_share(where: str, unreliable: float) -> None:
    """Raise ValueError for a share of unreliable pixels that is out of 0..1."""
    if not 0 <= unreliable <= 1:
        raise ValueError(f"{where}: unreliable={unreliable}; allowed: 0 to 1")


def pixel_entropy(probs: Tensor) -> Tensor:
    """``-sum_c p_c ln p_c`` of each pixel, (N, H, W), float, not negative.

    Args:
        probs: (N, C, H, W), in 0..1.

    Example:
        >>> pixel_entropy(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1))
        tensor([[[0.]]])
    """
    return torch.special.entr(probs).sum(dim=1)


def masked_quantile(values: Tensor, mask: Tensor, share: float) -> Tensor:
    """The value that a share of the masked values does not exceed, a scalar.

    As numpy's percentile, with linear interpolation between neighbours. The host does
    not wait for the device.

    Args:
        values: Float, of any shape.
        mask: Bool, of the same shape.
        share: In 0..1.

    Returns:
        Scalar tensor; NaN without any masked value.

    Example:
        >>> values = torch.tensor([4.0, 0.0, 2.0])
        >>> masked_quantile(values, torch.tensor([True, False, True]), 0.25)
        tensor(2.5000)
    """
    ordered = values.masked_fill(~mask, torch.nan).flatten().sort().values  # NaN: last
    place = share * (mask.sum() - 1).clamp(min=0).double()
    low, high = place.floor(), place.ceil()
    below, above = ordered.gather(0, torch.stack([low, high]).long())
    return below + (place - low).to(values.dtype) * (above - below)
