"""Losses against slow float64 loops written from the papers' equations."""

from __future__ import annotations

import math

import pytest
import torch

from mmseg_semisup.models.losses import (
    PixelCrossEntropy,
    masked_cross_entropy,
    one_hot_labels,
    spatial_bce,
)


def slow_cross_entropy(logits, target, ignore_index=255, class_weight=None):
    """Hung et al., Eq. 3 over the pixels that count, divided by their weight."""
    total, weight_sum = logits.sum() * 0, 0.0
    n, _, h, w = logits.shape
    for i in range(n):
        for y in range(h):
            for x in range(w):
                label = int(target[i, y, x])
                if label == ignore_index:
                    continue
                scores = logits[i, :, y, x]
                weight = 1.0 if class_weight is None else float(class_weight[label])
                total = total - weight * (scores[label] - scores.exp().sum().log())
                weight_sum += weight
    return total / max(weight_sum, 1e-30)


def slow_bce(logits, is_real, valid):
    """Hung et al., Eqs. 1 and 4, from the probability."""
    total, count = logits.sum() * 0, 0
    n, _, h, w = logits.shape
    for i in range(n):
        for y in range(h):
            for x in range(w):
                if valid is not None and not valid[i, y, x]:
                    continue
                d = 1 / (1 + (-logits[i, 0, y, x]).exp())
                total = total - (d if is_real else 1 - d).log()
                count += 1
    return total / max(count, 1)


def value_and_gradient(function, logits):
    logits = logits.clone().requires_grad_()
    loss = function(logits)
    (gradient,) = torch.autograd.grad(loss, logits)
    return loss, gradient


def target_of(kind, shape, classes, generator):
    n, h, w = shape
    target = torch.randint(0, classes, shape, generator=generator)
    if kind == "some ignored":
        target[torch.rand(shape, generator=generator) < 0.4] = 255
    elif kind == "all ignored":
        target[:] = 255
    return target


@pytest.mark.parametrize("kind", ["none ignored", "some ignored", "all ignored"])
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1)])
@pytest.mark.parametrize("classes", [1, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_masked_cross_entropy_equals_slow_loop(kind, shape, classes, weighted):
    generator = torch.Generator().manual_seed(1)
    n, h, w = shape
    logits = 3 * torch.randn(n, classes, h, w, generator=generator, dtype=torch.float64)
    target = target_of(kind, shape, classes, generator)
    weight = torch.rand(classes, dtype=torch.float64) + 0.5 if weighted else None
    loss, gradient = value_and_gradient(
        lambda x: masked_cross_entropy(x, target, class_weight=weight), logits
    )
    slow, slow_gradient = value_and_gradient(
        lambda x: slow_cross_entropy(x, target, class_weight=weight), logits
    )
    torch.testing.assert_close(loss, slow)
    torch.testing.assert_close(gradient, slow_gradient)
    if kind == "all ignored":
        assert loss == 0
        assert not gradient.any()


def test_pixel_weight_multiplies_and_keeps_the_denominator():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(1, 3, 2, 2, generator=generator, dtype=torch.float64)
    target = torch.tensor([[[0, 1], [255, 2]]])
    weight = torch.tensor([[[2.0, 0.0], [9.0, 1.0]]], dtype=torch.float64)
    log_p = logits.log_softmax(1)
    expected = -(2 * log_p[0, 0, 0, 0] + log_p[0, 2, 1, 1]) / 3
    loss = masked_cross_entropy(logits, target, pixel_weight=weight)
    torch.testing.assert_close(loss, expected)


def test_pixel_cross_entropy_as_an_mmseg_loss():
    loss = PixelCrossEntropy(loss_weight=0.5, class_weight=[1.0, 3.0])
    logits, target = torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])
    assert loss.loss_name == "loss_ce"
    assert loss(logits, target).item() == pytest.approx(0.5 * math.log(2))


@pytest.mark.parametrize("is_real", [True, False])
@pytest.mark.parametrize("kind", ["all", "some", "none", "unmasked"])
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1)])
def test_spatial_bce_equals_slow_loop(is_real, kind, shape):
    generator = torch.Generator().manual_seed(3)
    n, h, w = shape
    logits = 3 * torch.randn(n, 1, h, w, generator=generator, dtype=torch.float64)
    valid = {
        "all": torch.ones(shape, dtype=torch.bool),
        "some": torch.rand(shape, generator=generator) < 0.5,
        "none": torch.zeros(shape, dtype=torch.bool),
        "unmasked": None,
    }[kind]
    loss, gradient = value_and_gradient(
        lambda x: spatial_bce(x, is_real, valid), logits
    )
    slow, slow_gradient = value_and_gradient(
        lambda x: slow_bce(x, is_real, valid), logits
    )
    torch.testing.assert_close(loss, slow)
    torch.testing.assert_close(gradient, slow_gradient)


def test_spatial_bce_stays_finite_for_extreme_scores():
    logits = torch.tensor([[[[500.0, -500.0]]]])
    assert spatial_bce(logits, True).item() == pytest.approx(250.0)
    assert spatial_bce(logits, False).item() == pytest.approx(250.0)


def test_one_hot_labels_leave_ignored_pixels_zero():
    labels = torch.tensor([[[0, 2], [255, 1]]])
    expected = torch.tensor(
        [[[[1.0, 0], [0, 0]], [[0.0, 0], [0, 1]], [[0.0, 1], [0, 0]]]]
    )
    torch.testing.assert_close(one_hot_labels(labels, 3), expected)
