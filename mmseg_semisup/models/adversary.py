"""Gives predictions to a discriminator whose one pass serves two losses.

In the segmentor's loss the weights of the discriminator are constants; in the
discriminator's own loss the predictions are. Both losses use the same pass: the
gradient of the first one with respect to the predictions is computed at once, and no
other; the second one takes the ordinary backward pass, which ends at the predictions.
"""

from __future__ import annotations

from collections.abc import Callable
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


def check_real_target(owner: str, target: float) -> float:
    """Raise ValueError if the target of ground truth is not above 0.5, at most 1."""
    if not 0.5 < target <= 1:
        raise ValueError(
            f"{owner}: real_target={target!r}; allowed: above 0.5, at most 1"
        )
    return target


def real_loss(loss: Callable[[bool], Tensor], target: float) -> Tensor:
    """Loss of a discriminator on ground truth, with one-sided label smoothing.

    Salimans et al., NeurIPS 2016, https://arxiv.org/abs/1606.03498, section 3.4: the
    target is a little below 1, so that a discriminator that has won does not become
    surer still; the target of predictions stays 0.

    Args:
        loss: Gives the cross-entropy towards ground truth (True) or prediction (False).
        target: Probability of ground truth, above 0.5, at most 1.

    Returns:
        Scalar, ``-target log D - (1 - target) log(1 - D)``.
    """
    if target == 1:
        return loss(True)
    return target * loss(True) + (1 - target) * loss(False)


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
