"""The squared difference of probabilities against a slow float64 loop."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.models.losses import selected_squared_difference


def slow(logits, probs, weights, valid):
    total, count = torch.zeros((), dtype=torch.float64), 0
    for x, p, w, v in zip(logits, probs, weights, valid, strict=True):
        for n, y, z in torch.nonzero(v).tolist():
            count += 1
            for c in range(x.shape[1]):
                own = x[n, :, y, z].exp() / x[n, :, y, z].exp().sum()
                total = total + w[n, y, z] * (own[c] - p[n, c, y, z]) ** 2
    return total / max(count, 1)


CASES = {
    "some pixels are ignored": (5, lambda valid: valid),
    "all pixels are ignored": (5, lambda valid: valid & False),
    "one class": (1, lambda valid: valid),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("selected", ["soft", "hard", "none"])
def test_equals_the_slow_loop_with_gradients(case, selected):
    torch.manual_seed(0)
    classes, ignore = CASES[case]
    logits, probs, weights, valid = [], [], [], []
    for height in (3, 4):
        shape = (2, height, 4)
        logits.append(torch.randn(2, classes, height, 4).double().requires_grad_())
        probs.append(torch.randn(2, classes, height, 4).double().softmax(1))
        valid.append(ignore(torch.rand(shape) < 0.7))
        chosen = torch.rand(shape).double() * valid[-1]
        hard = (chosen > 0.5) & valid[-1]
        weights.append({"soft": chosen, "hard": hard, "none": hard & False}[selected])
    fast = selected_squared_difference(logits, probs, weights, valid, 2.0)
    expected = 2.0 * slow(logits, probs, weights, valid)
    torch.testing.assert_close(fast, expected)
    if expected.requires_grad:
        gradients = torch.autograd.grad(expected, logits)
    else:
        gradients = [torch.zeros_like(x) for x in logits]
    found = torch.autograd.grad(fast, logits)
    for mine, theirs in zip(found, gradients, strict=True):
        torch.testing.assert_close(mine, theirs)
        assert mine.isfinite().all()


def test_one_pixel_of_equal_probabilities_has_no_loss():
    logits = torch.tensor([[[[0.5]], [[-1.0]]]], requires_grad=True)
    one = torch.ones(1, 1, 1, dtype=torch.bool)
    probs = logits.detach().softmax(1)
    assert selected_squared_difference([logits], [probs], [one], [one]) == 0
