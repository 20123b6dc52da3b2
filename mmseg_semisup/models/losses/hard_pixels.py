"""Cross-entropy of the pixels that are hardest to classify."""

from __future__ import annotations

import torch
import torch.nn as nn
from mmseg.registry import MODELS
from torch import Tensor

from .cross_entropy import masked_cross_entropy


def hard_cross_entropy(
    logits: Tensor,
    target: Tensor,
    threshold: float,
    min_kept: int,
    ignore_index: int = 255,
) -> Tensor:
    """Cross-entropy, averaged over hard pixels ("online hard example mining").

    A pixel is hard if the probability of its label is at most ``threshold``, or among
    the ``min_kept`` lowest of the batch; with fewer pixels, all are. The host never
    waits for the device.

    Args:
        logits: (N, C, H, W), float.
        target: (N, H, W), int64, in 0..C-1 or ``ignore_index``.
        threshold: Probability, in 0..1.
        min_kept: Least number of hard pixels in the batch, at least 1.
        ignore_index: Label of ignored pixels.

    Returns:
        Scalar tensor, float: the mean over the hard pixels; a finite zero without any.

    Example:
        >>> logits = torch.tensor([[[[0.0, 9.0, 2.0]], [[0.0, 0.0, 0.0]]]])
        >>> target = torch.tensor([[[0, 0, 255]]])
        >>> hard_cross_entropy(logits, target, 0.7, 1)  # log 2: the first pixel alone
        tensor(0.6931)
    """
    ignored = target == ignore_index
    with torch.no_grad():
        classes = target.masked_fill(ignored, 0).unsqueeze(1)
        probs = logits.softmax(dim=1).gather(1, classes).squeeze(1)
        # Ignored pixels come last, so that none of them is among the lowest.
        flat = probs.masked_fill(ignored, torch.inf).flatten()
        lowest = flat.kthvalue(min(min_kept, flat.numel())).values
        easy = probs > lowest.clamp(min=threshold)
    return masked_cross_entropy(
        logits, target.masked_fill(easy, ignore_index), ignore_index
    )


@MODELS.register_module()
class HardPixelCrossEntropy(nn.Module):
    """:func:`hard_cross_entropy` as the ``loss_decode`` of an mmseg head.

    UniMatch and UniMatch V2 train Cityscapes with a threshold of 0.7 and 200,000 pixels
    for each process, which has two images. mmseg's ``OHEMPixelSampler`` selects the
    same pixels, but divides by all, and its ``OhemCrossEntropy`` fits one head alone.

    Args:
        threshold: Pixels whose label has at most this probability count, in 0..1.
        min_kept_per_image: Least number of pixels that count, times the images.
        loss_weight: Factor of the loss.
        loss_name: Key of the loss in the log; must begin with ``loss_``.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> loss = HardPixelCrossEntropy(threshold=0.7, min_kept_per_image=1)
        >>> logits = torch.tensor([[[[0.0, 9.0]], [[0.0, 0.0]]]])
        >>> loss(logits, torch.tensor([[[0, 0]]]))  # log 2
        tensor(0.6931)
    """

    def __init__(
        self,
        threshold: float = 0.7,
        min_kept_per_image: int = 100_000,
        loss_weight: float = 1.0,
        loss_name: str = "loss_ce",
    ) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(
                f"HardPixelCrossEntropy: threshold={threshold}; allowed: 0 to 1"
            )
        if min_kept_per_image < 1:
            raise ValueError(
                f"HardPixelCrossEntropy: min_kept_per_image={min_kept_per_image}; "
                "allowed: 1 or more"
            )
        self.threshold = threshold
        self.min_kept_per_image = min_kept_per_image
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Loss of logits (N, C, H, W) for target (N, H, W); scalar.

        Raises:
            ValueError: If pixels have weights, which a sampler of the head gives them.
        """
        if weight is not None:
            raise ValueError(
                "HardPixelCrossEntropy selects pixels itself; remove the head's "
                "`sampler`"
            )
        kept = self.min_kept_per_image * len(logits)
        loss = hard_cross_entropy(logits, target, self.threshold, kept, ignore_index)
        return self.loss_weight * loss
