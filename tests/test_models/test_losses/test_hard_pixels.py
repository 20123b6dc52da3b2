"""Cross-entropy of hard pixels against a loop over pixels."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.models.losses import HardPixelCrossEntropy, hard_cross_entropy


def slow(logits, target, threshold, min_kept):
    """Sort the valid pixels by the probability of their label; average the hard."""
    pixels = []
    for n, y, x in torch.nonzero(target != 255).tolist():
        probs = logits[n, :, y, x].softmax(0)
        pixels.append(probs[target[n, y, x]])
    pixels.sort(key=lambda p: p.item())
    hard = [p for i, p in enumerate(pixels) if i < min_kept or p.item() <= threshold]
    if not hard:
        return 0 * logits.sum()
    return -torch.stack(hard).log().mean()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("min_kept", [1, 20, 10_000])
@pytest.mark.parametrize("ignored", ["none", "some", "all"])
def test_equals_a_loop_with_gradients(threshold, min_kept, ignored):
    torch.manual_seed(0)
    logits = (3 * torch.randn(2, 4, 5, 6, dtype=torch.float64)).requires_grad_()
    target = torch.randint(0, 4, (2, 5, 6))
    if ignored != "none":
        target[:, : 5 if ignored == "all" else 2] = 255
    mine = hard_cross_entropy(logits, target, threshold, min_kept)
    expected = slow(logits, target, threshold, min_kept)
    torch.testing.assert_close(mine, expected)
    grads = [torch.autograd.grad(v, logits)[0] for v in (mine, expected)]
    torch.testing.assert_close(*grads)


def test_the_least_number_of_pixels_grows_with_the_images():
    logits = torch.zeros(2, 2, 1, 4)
    logits[:, 0] = torch.tensor([1.0, 2, 3, 4])
    loss = HardPixelCrossEntropy(threshold=0.0, min_kept_per_image=2)
    two, one = (loss(x, torch.zeros(len(x), 1, 4).long()) for x in (logits, logits[:1]))
    expected = sum(math.log(1 + math.exp(-x)) for x in (1, 2)) / 2
    assert two.item() == pytest.approx(expected)
    assert one.item() == pytest.approx(expected)


def test_a_head_trains_with_it():
    loss = {"type": "HardPixelCrossEntropy", "loss_weight": 2.0}
    head = MODELS.build(tiny_segmentor(loss_decode=loss)["decode_head"])
    torch.nn.init.zeros_(head.conv_seg.weight)
    torch.nn.init.zeros_(head.conv_seg.bias)
    logits = head([torch.rand(1, 8, 4, 4), torch.rand(1, 16, 4, 4)])
    value = head.loss_decode(logits, torch.zeros(1, 4, 4).long(), ignore_index=255)
    assert head.loss_decode.loss_name == "loss_ce"
    assert value.item() == pytest.approx(2 * math.log(logits.shape[1]))


@pytest.mark.parametrize(
    "changes", [{"threshold": 2}, {"threshold": -0.1}, {"min_kept_per_image": 0}]
)
def test_mistakes_are_named(changes):
    with pytest.raises(ValueError, match=f"{next(iter(changes))}=.*; allowed"):
        HardPixelCrossEntropy(**changes)


def test_a_sampler_besides_is_refused():
    loss = HardPixelCrossEntropy()
    labels = torch.zeros(1, 1, 1).long()
    with pytest.raises(ValueError, match="remove the head's `sampler`"):
        loss(torch.zeros(1, 2, 1, 1), labels, weight=torch.ones(1, 1, 1))
