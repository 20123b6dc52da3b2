"""Training steps of a model beside those of a second implementation of its losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Batch = dict[str, Any]


def predict(network: nn.Module, images: Tensor) -> Tensor:
    """The logits of a segmentor at the size of the images."""
    head = network.decode_head
    logits = head(network.backbone(images))
    size, corners = images.shape[-2:], head.align_corners
    return F.interpolate(logits, size, mode="bilinear", align_corners=corners)


def compare_steps(
    model: nn.Module,
    other: nn.Module,
    make_batch: Callable[[nn.Module], Batch],
    reference: Callable[[nn.Module, Batch], Tensor],
    steps: int = 2,
    whole: bool = False,
) -> dict[str, Tensor]:
    """Train a model, and a copy by the reference, and compare losses and gradients.

    Args:
        model: The model, in double precision.
        other: The copy, which only lends its networks.
        make_batch: Gives the batch of a step.
        reference: Gives the loss of the copy.
        steps: Number of steps.
        whole: Whether all parameters are compared, not those of the segmentor only.

    Returns:
        The model's losses in the last step.

    Raises:
        AssertionError: If a loss or a gradient differs.
    """
    optimizers = [torch.optim.SGD(m.parameters(), 0.05) for m in (model, other)]
    losses: dict[str, Tensor] = {}
    for number in range(steps):
        torch.manual_seed(number)
        data = make_batch(model)
        torch.manual_seed(10 + number)
        losses = model(**data, mode="loss")
        loss = model.parse_losses(losses)[0]
        if model.teacher is not None and number == 0:
            other.teacher.copy_from(other.segmentor)
        torch.manual_seed(10 + number)
        expected = reference(other, data)
        assert loss.item() == pytest.approx(expected.item(), rel=3e-7)
        for optimizer, value in zip(optimizers, (loss, expected), strict=True):
            optimizer.zero_grad()
            value.backward()
        pair = (model, other) if whole else (model.segmentor, other.segmentor)
        named, theirs = pair[0].named_parameters(), pair[1].parameters()
        for (name, mine), their in zip(named, theirs, strict=True):
            # Shares of selected pixels are quotients in float32.
            assert torch.allclose(mine.grad, their.grad, rtol=1e-6, atol=1e-8), name
        for optimizer in optimizers:
            optimizer.step()
        if model.teacher is not None:
            model.follow()
            other.teacher.update(other.segmentor)
    return losses
