"""Losses of latent classes against loops over pixels, in float64."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_semisup.models.losses import (
    conditional_entropy,
    count_cooccurrence,
    latent_consistency,
    latent_given_class,
    symmetric_kl,
)


def case(n=2, classes=3, latent=4, size=(5, 6), ignored="some", seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, latent, *size, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, classes, (n, *size), generator=generator)
    if ignored == "some":
        labels[0, 0] = 255
    elif ignored == "all":
        labels[:] = 255
    return logits.requires_grad_(), labels


def slow_counts(probs, labels, classes):
    """Eq. 2's sum, pixel by pixel."""
    counts = [[0 * probs.sum() for _ in range(probs.shape[1])] for _ in range(classes)]
    for n, h, w in (labels != 255).nonzero().tolist():
        for k in range(probs.shape[1]):
            c = int(labels[n, h, w])
            counts[c][k] = counts[c][k] + probs[n, k, h, w]
    return counts


def slow_entropy(probs, labels, classes):
    """Eqs. 1 to 3, term by term."""
    counts = slow_counts(probs, labels, classes)
    pixels = int((labels != 255).sum())
    total = 0 * probs.sum()
    for k in range(probs.shape[1]):
        marginal = sum(counts[c][k] for c in range(classes))
        for c in range(classes):
            if counts[c][k].detach() > 0:
                joint = counts[c][k] / pixels
                total = total - joint * torch.log(counts[c][k] / marginal)
    return total


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ignored": "none"},
        {"ignored": "all"},
        {"classes": 1, "ignored": "none"},
        {"latent": 1},
        {"n": 1, "size": (1, 1), "ignored": "none"},
        {"classes": 2, "latent": 9, "seed": 3},
    ],
)
def test_latent_loss_equals_a_loop(options):
    logits, labels = case(**options)
    classes = options.get("classes", 3)
    counts = count_cooccurrence(logits.softmax(1), labels, classes)
    loss = conditional_entropy(counts)
    slow = slow_entropy(logits.softmax(1), labels, classes)
    assert loss.item() == pytest.approx(slow.item(), abs=1e-12)
    (fast_gradient,) = torch.autograd.grad(loss, logits)
    (slow_gradient,) = torch.autograd.grad(slow, logits)
    torch.testing.assert_close(fast_gradient, slow_gradient, atol=1e-14, rtol=1e-9)


def test_a_batch_that_shows_one_class_has_no_entropy_and_no_gradient():
    logits, labels = case(ignored="none")
    labels[:] = 2
    loss = conditional_entropy(count_cooccurrence(logits.softmax(1), labels, 3))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert logits.grad.abs().max() < 1e-12


def test_permuting_latent_classes_changes_no_loss():
    logits, labels = case()
    order = torch.tensor([2, 0, 3, 1])
    losses = [
        conditional_entropy(count_cooccurrence(x.softmax(1), labels, 3))
        for x in (logits, logits[:, order])
    ]
    torch.testing.assert_close(*losses)
    table, probs = torch.rand(3, 4).double(), torch.rand(2, 3, 5, 6).double()
    valid = labels != 255
    first = latent_consistency(logits.softmax(1), probs, table, valid)
    second = latent_consistency(
        logits[:, order].softmax(1), probs, table[:, order], valid
    )
    torch.testing.assert_close(first, second)


def learn(looks, labels, latent, seed):
    """A linear branch that sees only what a class looks like; its loss and P(l|c)."""
    torch.manual_seed(seed)
    images = F.one_hot(looks).permute(0, 3, 1, 2).float()
    branch = torch.nn.Conv2d(images.shape[1], latent, 1)
    optimizer = torch.optim.Adam(branch.parameters(), lr=0.1)
    for _ in range(120):
        probs = branch(images).softmax(1)
        counts = count_cooccurrence(probs, labels, 4)
        loss = conditional_entropy(counts)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item(), latent_given_class(counts.detach())


def test_entropy_reaches_zero_with_as_many_latent_classes_as_classes():
    labels = torch.arange(4).repeat_interleave(16).view(1, 8, 8)
    # From some starts a latent class stays idle: a minimum that is not the lowest.
    loss, table = min(
        (learn(labels, labels, 4, s) for s in range(6)), key=lambda x: x[0]
    )
    assert loss < 1e-2
    assert sorted(table.argmax(1).tolist()) == [0, 1, 2, 3]


def test_classes_that_look_the_same_become_one_super_category():
    labels = torch.arange(4).repeat_interleave(16).view(1, 8, 8)
    looks = torch.tensor([0, 1, 1, 2])[labels]
    loss, table = min(
        (learn(looks, labels, 4, s) for s in range(6)), key=lambda x: x[0]
    )
    # Half of the pixels keep one bit of doubt, and nothing else does.
    assert loss == pytest.approx(0.5 * math.log(2), abs=1e-2)
    latent = table.argmax(1).tolist()
    assert latent[1] == latent[2]
    assert len({latent[0], latent[1], latent[3]}) == 3


def test_entropy_survives_saturated_probabilities():
    logits = torch.zeros(1, 3, 2, 2)
    logits[:, 0] = 300.0  # float32's softmax of the others is exactly 0
    logits.requires_grad_()
    labels = torch.tensor([[[0, 1], [0, 1]]])
    loss = conditional_entropy(count_cooccurrence(logits.softmax(1), labels, 3))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)
    assert torch.isfinite(logits.grad).all()


def test_a_class_that_was_never_seen_has_a_uniform_row():
    table = latent_given_class(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
    assert table.tolist() == [[0.75, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize("ignored", ["some", "all", "none"])
@pytest.mark.parametrize("size", [(3, 4), (1, 1)])
def test_consistency_equals_a_loop(ignored, size):
    latent, labels = case(size=size, ignored=ignored)
    semantic = case(latent=3, size=size, seed=1)[0]
    table = latent_given_class(torch.rand(3, 4, dtype=torch.float64))
    valid = labels != 255
    loss = latent_consistency(latent.softmax(1), semantic.softmax(1), table, valid)
    slow = 0 * semantic.sum() + 0 * latent.sum()
    for n, h, w in valid.nonzero().tolist():
        for k in range(4):
            mapped = sum(
                table[c, k] * semantic.softmax(1)[n, c, h, w] for c in range(3)
            )
            slow = slow - latent.softmax(1)[n, k, h, w] * torch.log(mapped)
    slow = slow / max(int(valid.sum()), 1)
    assert loss.item() == pytest.approx(slow.item(), abs=1e-12)
    for variable in (semantic, latent):
        fast_gradient, slow_gradient = (
            torch.autograd.grad(x, variable, retain_graph=True)[0] for x in (loss, slow)
        )
        torch.testing.assert_close(fast_gradient, slow_gradient, atol=1e-14, rtol=1e-9)


def test_consistency_is_bounded_where_no_class_has_the_latent_class():
    table = torch.tensor([[1.0, 0.0]])
    latent = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    semantic = torch.ones(1, 1, 1, 1, requires_grad=True)
    loss = latent_consistency(latent, semantic, table, torch.ones(1, 1, 1).bool())
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(1e-5), rel=1e-5)
    assert torch.isfinite(semantic.grad).all()


def test_symmetric_kl_equals_torch():
    first, labels = case(latent=3)
    second = case(latent=3, seed=5)[0]
    valid = labels != 255
    loss = symmetric_kl(first, second, valid)
    p, q = first.log_softmax(1), second.log_softmax(1)
    slow = F.kl_div(p, q, log_target=True, reduction="none")
    slow = slow + F.kl_div(q, p, log_target=True, reduction="none")
    slow = slow.sum(1)[valid].mean()
    torch.testing.assert_close(loss, slow)
    for variable in (first, second):
        gradients = [
            torch.autograd.grad(x, variable, retain_graph=True)[0] for x in (loss, slow)
        ]
        torch.testing.assert_close(*gradients)
    assert symmetric_kl(first, second, torch.zeros_like(valid)).item() == 0


def test_autocast_does_not_reach_the_losses():
    logits, labels = case()
    logits = logits.detach().float()
    probs = logits.softmax(1)
    with torch.autocast("cpu", torch.bfloat16):
        counts = count_cooccurrence(probs, labels, 3)
    torch.testing.assert_close(counts, count_cooccurrence(probs, labels, 3))
    assert counts.dtype == torch.float32
