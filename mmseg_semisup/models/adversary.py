"""Predictions as a discriminator sees them: one pass for two losses.

A discriminator gives the segmentor a loss, for which its own weights are constants, and
learns itself, for which the predictions are constants. Both read the same pass: the
gradient from the first loss to the predictions is computed at once, and to nothing
else; the second goes through the ordinary backward pass and ends at the predictions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Keeps gradients of single features, about 1e-7, inside the range of float16.
GRADIENT_SCALE = 2.0**12


class Judged:
    """Predictions in front of a discriminator.

    Attributes:
        maps: What the discriminator gets, of the predictions' shape; no gradient flows
            through it to the segmentor.

    Args:
        predictions: (N, C, H, W), of the segmentor.
        teaches: Whether a loss will be passed on to the segmentor.
    """

    def __init__(self, predictions: Tensor, teaches: bool = True) -> None:
        self._predictions = predictions
        self.maps = predictions.detach()
        self._teaches = teaches and predictions.requires_grad
        self.maps.requires_grad_(self._teaches)

    def pass_on(self, loss: Tensor) -> Tensor:
        """The loss, whose gradient reaches the segmentor, and no discriminator.

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
    """A value whose gradient with respect to some tensor has been computed before."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream.to(gradient.dtype), None, None
