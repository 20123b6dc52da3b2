"""Gives predictions to a discriminator whose one pass serves two losses.

In the segmentor's loss the weights of the discriminator are constants; in the
discriminator's own loss the predictions are. Both losses use the same pass: the
gradient of the first one with respect to the predictions is computed at once, and no
other; the second one takes the ordinary backward pass, which ends at the predictions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Keeps gradients of single features, about 1e-7, in the range of float16.
GRADIENT_SCALE = 2.0**12


class Judged:
    """Predictions in front of a discriminator.

    Attributes:
        maps: Input of the discriminator, of the predictions' shape; no gradient flows
            through it to the segmentor.

    Args:
        predictions: Predictions of the segmentor, (N, C, H, W).
        teaches: Whether a loss will be passed on to the segmentor.
    """

    def __init__(self, predictions: Tensor, teaches: bool = True) -> None:
        self._predictions = predictions
        self.maps = predictions.detach()
        self._teaches = teaches and predictions.requires_grad
        self.maps.requires_grad_(self._teaches)

    def pass_on(self, loss: Tensor) -> Tensor:
        """Return the loss with a gradient for the segmentor, but not the discriminator.

        Args:
            loss: Scalar, computed from :attr:`maps`.
        """
        if not self._teaches:
            return loss.detach()
        (gradient,) = torch.autograd.grad(
            loss * GRADIENT_SCALE, self.maps, retain_graph=True
        )
        return _KnownGradient.apply(  # type: ignore[no-untyped-call]  # torch gives `apply` no types
            self._predictions, loss.detach(), gradient / GRADIENT_SCALE
        )


class _KnownGradient(torch.autograd.Function):
    """A value with a precomputed gradient with respect to a tensor."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream.to(gradient.dtype), None, None
