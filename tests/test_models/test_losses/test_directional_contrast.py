"""The directional contrastive loss against a loop over pixels in float64."""

from __future__ import annotations

import importlib
import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_semisup.models.losses import (
    directional_contrast,
    pull_masks,
    pull_weights,
)

MODULE = importlib.import_module(directional_contrast.__module__)
SIZE = (2, 3, 4)
PIXELS = 24
CLASSES = 3


def unit(*shape):
    return F.normalize(torch.randn(*shape), dim=-1)


def example(negatives=10, classes=CLASSES, size=SIZE, valid=0.8):
    pixels = math.prod(size)
    return {
        "features": unit(2, pixels, 6),
        "confidence": torch.rand(2, *size),
        "labels": torch.randint(0, classes, (2, pixels)),
        "valid": torch.rand(size) < valid,
        "negatives": unit(negatives, 6),
        "negative_keys": torch.randint(0, classes, (negatives,)),
    }


def fast(case, first, second, gamma, directional, distance, reduction, temperature):
    masks = pull_masks(*case["confidence"], case["valid"], gamma, directional)
    weights = pull_weights(masks, case["valid"], reduction)
    return directional_contrast(
        first,
        second,
        weights.flatten(1),
        case["labels"],
        case["negatives"].to(first.dtype),
        case["negative_keys"],
        temperature,
        distance,
        directional,
    )


def slow(case, first, second, gamma, directional, distance, reduction, temperature):
    """Eqs. 1 to 8, a pixel at a time."""
    images, height, width = case["valid"].shape
    confidence = case["confidence"].flatten(1).double()
    valid = case["valid"].flatten().tolist()
    total = (first.sum() + second.sum()) * 0
    for anchor, target in ((0, 1), (1, 0)):
        features = (first, second)
        terms = [[] for _ in range(images)]
        for i in range(len(valid)):
            mine, other = confidence[anchor, i], confidence[target, i]
            if not valid[i] or (directional and not mine < other):
                continue
            if gamma is not None and not other > gamma:
                continue
            a, p = features[anchor][i], features[target][i].detach()
            if distance == "l2":
                term = ((a - p) ** 2).sum()
            else:
                key = case["labels"][anchor, i]
                others = case["negatives"][case["negative_keys"] != key].double()
                pushed = [torch.exp(a @ n / temperature) for n in others]
                pulled = torch.exp(a @ p / temperature)
                term = -torch.log(pulled / (pulled + sum(pushed)))
            terms[i // (height * width)].append(term)
        if reduction == "active":
            flat = [t for image in terms for t in image]
            total = total + sum(flat) / max(len(flat), 1)
        else:
            for image, valid_there in zip(terms, case["valid"], strict=True):
                total = total + sum(image) / max(int(valid_there.sum()), 1) / images
    return total


def compare(case, temperature=0.1, **options):
    """Check value and gradients in float32 against float64; returns the loss."""
    options = {
        "gamma": 0.4,
        "directional": True,
        "distance": "contrast",
        "reduction": "overlap",
        **options,
    }
    single = [f.clone().requires_grad_() for f in case["features"]]
    double = [f.double().requires_grad_() for f in case["features"]]
    loss = fast(case, *single, temperature=temperature, **options)
    expected = slow(case, *double, temperature=temperature, **options)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-6)
    found = torch.autograd.grad(loss, single)
    wanted = torch.autograd.grad(expected, double)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-6)
    return loss


OPTIONS = list(
    itertools.product(
        (None, 0.4), (True, False), ("contrast", "l2"), ("overlap", "active")
    )
)


@pytest.mark.parametrize(("gamma", "directional", "distance", "reduction"), OPTIONS)
def test_equals_slow_loop(gamma, directional, distance, reduction):
    loss = compare(
        example(),
        gamma=gamma,
        directional=directional,
        distance=distance,
        reduction=reduction,
    )
    assert loss > 0


@pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0])
def test_temperatures(temperature):
    compare(example(), temperature=temperature)


EDGES = {
    "no negatives": {"negatives": 0},
    "one class": {"classes": 1},
    "one pixel": {"size": (1, 1, 1), "valid": 1.1},
    "nothing valid": {"valid": -0.1},
}


@pytest.mark.parametrize("reduction", ["overlap", "active"])
@pytest.mark.parametrize("directional", [True, False])
@pytest.mark.parametrize("case", EDGES)
def test_edges(case, directional, reduction):
    loss = compare(
        example(**EDGES[case]), directional=directional, reduction=reduction, gamma=None
    )
    if case == "one pixel":
        assert loss > 0
    else:
        # Nothing to be pushed from, or nothing to pull: a finite zero.
        assert loss == 0


def test_nobody_is_confident_enough():
    assert compare(example(), gamma=1.0) == 0


def test_equal_confidence_pulls_nothing():
    case = example()
    case["confidence"][1] = case["confidence"][0]
    assert compare(case) == 0
    assert compare(case, directional=False) > 0


def test_order_of_a_gpu_gives_the_same(monkeypatch):
    """Pulled ones first, then the rest with weight zero: the host knows no count."""
    monkeypatch.setattr(
        MODULE,
        "_pulled_first",
        lambda pulled: pulled.to(torch.uint8).argsort(descending=True, stable=True),
    )
    for gamma, directional in itertools.product((None, 0.4, 1.0), (True, False)):
        compare(example(), gamma=gamma, directional=directional)


def test_gradients_reach_pulled_features_only():
    case = example()
    features = case["features"].clone().requires_grad_()
    masks = pull_masks(*case["confidence"], case["valid"], 0.4)
    negatives = case["negatives"].clone().requires_grad_()
    loss = directional_contrast(
        *features,
        pull_weights(masks, case["valid"]).flatten(1),
        case["labels"],
        negatives,
        case["negative_keys"],
    )
    loss.backward()
    assert negatives.grad is None
    moved = features.grad.abs().sum(-1) > 0
    assert torch.equal(moved, masks.flatten(1))


def test_active_counts_of_all_processes():
    """Two processes' losses average to the mean over all pulled pixels."""
    masks = torch.zeros(2, 1, 1, 4, dtype=torch.bool)
    masks[0, 0, 0, :3] = True
    masks[1, 0, 0, 3:] = True
    valid = torch.ones(1, 1, 4, dtype=torch.bool)
    # The other process pulls one pixel forwards, and three backwards.
    both = torch.tensor([4.0, 4.0]).view(2, 1, 1, 1)
    weights = pull_weights(masks, valid, "active", average=lambda count: both / 2)
    assert weights[0].sum() / 2 == pytest.approx(3 / 4)
    assert weights[1].sum() / 2 == pytest.approx(1 / 4)
