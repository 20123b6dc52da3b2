"""One mean over batches of different sizes."""

from __future__ import annotations

import math

import pytest
import torch

from mmseg_semisup.models.losses import (
    joint_cross_entropy,
    masked_cross_entropy,
    reliable_cross_entropy,
    selected_cross_entropy,
)


def batches(seed=0):
    torch.manual_seed(seed)
    logits = [
        torch.randn(2, 3, 4, 5, requires_grad=True),
        torch.randn(1, 3, 7, 2, requires_grad=True),
    ]
    targets = [torch.randint(0, 3, (2, 4, 5)), torch.randint(0, 3, (1, 7, 2))]
    targets[0][0, :2] = 255
    return logits, targets


def slow(logits, targets):
    total, count = 0.0, 0
    for x, y in zip(logits, targets, strict=True):
        log_p = x.double().log_softmax(1)
        for i, row, column in (y != 255).nonzero().tolist():
            total = total - log_p[i, y[i, row, column], row, column]
            count += 1
    return total / max(count, 1)


def test_equals_slow_loop_with_gradients():
    logits, targets = batches()
    loss = joint_cross_entropy(logits, targets)
    found = torch.autograd.grad(loss, logits)
    expected = slow(logits, targets)
    torch.testing.assert_close(loss.double(), expected)
    for mine, theirs in zip(found, torch.autograd.grad(expected, logits), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_of_one_batch_it_is_the_masked_one():
    (logits, _), (target, _) = batches()
    one = joint_cross_entropy([logits], [target])
    torch.testing.assert_close(one, masked_cross_entropy(logits, target))


@pytest.mark.parametrize("empty", [(True, False), (True, True)])
def test_batches_without_any_pixel(empty):
    logits, targets = batches()
    for target, ignored in zip(targets, empty, strict=True):
        if ignored:
            target.fill_(255)
    loss = joint_cross_entropy(logits, targets)
    loss.backward()
    assert torch.isfinite(loss)
    assert (loss == 0) == all(empty)
    assert (logits[0].grad == 0).all()
    assert (logits[1].grad == 0).all() == all(empty)


def test_different_numbers_of_batches():
    logits, targets = batches()
    with pytest.raises(ValueError, match="zip"):
        joint_cross_entropy(logits, targets[:1])


@pytest.mark.parametrize("kind", [torch.bool, torch.float64])
def test_the_mean_counts_valid_pixels_that_are_not_selected(kind):
    """Equal losses: half of the pixels selected is half of the loss."""
    logits = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    labels, valid = torch.zeros(1, 4, 4).long(), torch.ones(1, 4, 4).bool()
    valid[:, 3] = False
    losses = []
    for rows in (0, 1, 2):
        weights = torch.zeros(1, 4, 4, dtype=kind)
        weights[:, :rows] = 1
        one = selected_cross_entropy([logits], [labels], [weights], [valid])
        losses.append(one.item())
    expected = [rows / 3 * math.log(3) for rows in (0, 1, 2)]
    assert losses == pytest.approx(expected)


@pytest.mark.parametrize("kind", [torch.bool, torch.float64])
def test_selected_pixels_against_a_slow_loop(kind):
    torch.manual_seed(0)
    sizes = [(2, 4, 5), (1, 3, 3)]
    logits = [torch.randn(n, 3, h, w, dtype=torch.float64) for n, h, w in sizes]
    labels = [torch.randint(0, 3, size) for size in sizes]
    valid = [torch.rand(size) < 0.7 for size in sizes]
    weights = [
        (torch.rand(size) < 0.5 if kind == torch.bool else torch.rand(size).double())
        * v
        for size, v in zip(sizes, valid, strict=True)
    ]
    total = 0.0
    for x, y, w in zip(logits, labels, weights, strict=True):
        logs = x.log_softmax(1)
        for n, i, j in torch.nonzero(w > 0).tolist():
            total -= float(w[n, i, j]) * logs[n, y[n, i, j], i, j].item()
    expected = 0.5 * total / sum(int(v.sum()) for v in valid)
    mine = selected_cross_entropy(logits, labels, weights, valid, scale=0.5)
    assert mine.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kept", ["some", "all", "one", "none", "nothing valid"])
@pytest.mark.parametrize("classes", [1, 2, 4])
def test_reliable_pixels_weigh_more_the_fewer_they_are(kept, classes):
    """Wang et al., Eq. 3: the mean over the reliable pixels, divided by their share."""
    torch.manual_seed(0)
    sizes = [(2, 3, 4), (1, 2, 2)]
    logits = [torch.randn(n, classes, h, w).double() for n, h, w in sizes]
    labels = [torch.randint(0, classes, size) for size in sizes]
    valid = [torch.rand(size) < 0.7 for size in sizes]
    chosen = [v & (torch.rand(v.shape) < 0.5) for v in valid]
    if kept != "some":
        chosen = [v & (kept == "all") for v in valid]
        chosen[1][0, 1, 1] = valid[1][0, 1, 1] = kept in ("all", "one")
    if kept == "nothing valid":
        valid = [v & False for v in valid]
    for each in logits:
        each.requires_grad_()
    total, count = sum(x.sum() for x in logits) * 0, 0
    for x, y, reliable in zip(logits, labels, chosen, strict=True):
        for n, i, j in torch.nonzero(reliable).tolist():
            scores = x[n, :, i, j]
            total = total - (scores[y[n, i, j]] - scores.exp().sum().log())
            count += 1
    share = count / max(sum(int(v.sum()) for v in valid), 1)
    expected = 0.5 * total / max(count, 1) / (share or 1)
    mine = reliable_cross_entropy(logits, labels, chosen, valid, scale=0.5)
    assert mine.item() == pytest.approx(expected.item(), rel=1e-6)
    gradients = [torch.autograd.grad(loss, logits) for loss in (mine, expected)]
    for found, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-9)
