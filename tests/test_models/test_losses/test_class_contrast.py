"""The contrast with negatives of each anchor against a slow float64 loop."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_semisup.models.losses import class_contrast


def tensors(classes, anchors, negatives, channels=6):
    generator = torch.Generator().manual_seed(classes)

    def unit(*shape):
        values = torch.randn(*shape, channels, generator=generator).double()
        return F.normalize(values, dim=-1)

    return (
        unit(classes, anchors),
        unit(classes),
        unit(classes, anchors, negatives),
    )


def slow(anchors, positives, negatives, temperature):
    """Wang et al., Eq. 4, anchor by anchor."""
    losses = torch.zeros(anchors.shape[:2], dtype=torch.float64)
    for c, of_class in enumerate(anchors):
        for m, anchor in enumerate(of_class):
            own = math.exp(float(anchor @ positives[c]) / temperature)
            others = [
                math.exp(float(anchor @ n) / temperature) for n in negatives[c, m]
            ]
            losses[c, m] = -math.log(own / (own + sum(others)))
    return losses


def slow_gradient(anchors, positives, negatives, temperature):
    """Of the sum: ``(sum_n q_n n - (1 - q_p) p) / tau`` with q the softmax."""
    gradient = torch.zeros_like(anchors)
    for c, of_class in enumerate(anchors):
        for m, anchor in enumerate(of_class):
            keys = [positives[c], *negatives[c, m]]
            terms = [math.exp(float(anchor @ key) / temperature) for key in keys]
            pulled = sum(t / sum(terms) * k for t, k in zip(terms, keys, strict=True))
            gradient[c, m] = (pulled - positives[c]) / temperature
    return gradient


@pytest.mark.parametrize("sizes", [(3, 4, 5), (1, 1, 1), (2, 3, 1)])
@pytest.mark.parametrize("temperature", [0.5, 0.05])
def test_equals_the_reference(sizes, temperature):
    anchors, positives, negatives = tensors(*sizes)
    anchors.requires_grad_()
    loss = class_contrast(anchors, positives, negatives, temperature)
    expected = slow(anchors.detach(), positives, negatives, temperature)
    torch.testing.assert_close(loss, expected)
    loss.sum().backward()
    expected = slow_gradient(anchors.detach(), positives, negatives, temperature)
    torch.testing.assert_close(anchors.grad, expected)


def test_gradients_go_to_anchors_only():
    parts = [part.requires_grad_() for part in tensors(2, 3, 4)]
    class_contrast(*parts).sum().backward()
    assert [part.grad is not None for part in parts] == [True, False, False]


def test_half_precision_and_zeros_are_computed_in_float32():
    anchors, positives, negatives = (x.half() for x in tensors(2, 3, 4))
    with torch.autocast("cpu", torch.bfloat16):
        loss = class_contrast(anchors, 0 * positives, 0 * negatives)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, torch.full((2, 3), math.log(5)))
