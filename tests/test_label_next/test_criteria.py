"""The criteria against slow loops in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mmseg_semisup.label_next.criteria import disagreement_map, entropy_map, rarity


def random_probs(seed: int, classes: int = 4, size=(3, 5), images: int = 2):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, classes, *size, generator=generator)
    return (3 * logits).softmax(dim=1)


def pixels(probs: torch.Tensor):
    """Image, row, column and the probabilities there, as floats."""
    for n in range(len(probs)):
        for y in range(probs.shape[2]):
            for x in range(probs.shape[3]):
                yield n, y, x, [float(p) for p in probs[n, :, y, x].double()]


def slow_entropy(p: list[float]) -> float:
    return -sum(v * math.log(v) for v in p if v > 0)


def test_entropy_is_the_sum_over_the_classes():
    probs = random_probs(0)
    found = entropy_map(probs)
    for n, y, x, p in pixels(probs):
        assert float(found[n, y, x]) == pytest.approx(
            slow_entropy(p) / math.log(4), rel=1e-5
        )


def test_entropy_of_sure_and_of_unsure_pixels():
    sure = torch.zeros(1, 3, 1, 1)
    sure[:, 1] = 1
    assert float(entropy_map(sure)) == 0
    assert float(entropy_map(torch.full((1, 3, 1, 1), 1 / 3))) == pytest.approx(1)
    assert float(entropy_map(torch.ones(1, 1, 1, 1))) == 0


@pytest.mark.parametrize("count", [2, 3, 5])
def test_disagreement_is_the_mean_divergence_from_the_mean(count):
    every = [random_probs(seed) for seed in range(count)]
    found = disagreement_map(iter(every))
    mean = sum(probs.double() for probs in every) / count
    for n, y, x, m in pixels(mean):
        total = 0.0
        for probs in every:
            p = [float(v) for v in probs[n, :, y, x].double()]
            # Kullback-Leibler divergence from the mean.
            total += sum(a * math.log(a / b) for a, b in zip(p, m, strict=True) if a)
        expected = total / count / math.log(min(count, 4))
        assert float(found[n, y, x]) == pytest.approx(expected, abs=1e-6)


def test_disagreement_is_0_of_equal_and_1_of_contrary_predictions():
    one = torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1)
    other = torch.tensor([0, 1.0, 0]).reshape(1, 3, 1, 1)
    assert float(disagreement_map([one, other])) == pytest.approx(1)
    equal = random_probs(1)
    assert float(disagreement_map([equal, equal.clone()]).max()) < 1e-6
    assert float(disagreement_map([equal]).max()) < 1e-6
    with pytest.raises(ValueError, match="no prediction"):
        disagreement_map([])


def test_disagreement_leaves_the_predictions_alone():
    every = [random_probs(seed) for seed in range(2)]
    before = [probs.clone() for probs in every]
    disagreement_map(every)
    for one, other in zip(every, before, strict=True):
        assert torch.equal(one, other)


def test_rarity_is_the_mean_surprise_of_the_pixels():
    generator = np.random.default_rng(0)
    shares = generator.dirichlet(np.ones(4), size=5).astype(np.float32)
    frequency = shares.mean(axis=0, dtype=np.float64)
    found = rarity(shares, frequency)
    for n in range(5):
        expected = sum(float(shares[n, c]) * -math.log(frequency[c]) for c in range(4))
        assert found[n] == pytest.approx(expected, rel=1e-6)


def test_a_class_that_never_appears_is_no_number_out_of_range():
    shares = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    assert rarity(shares, shares.mean(axis=0)).tolist() == [0, 0]
    assert rarity(np.ones((3, 1), np.float32), np.ones(1)).tolist() == [0, 0, 0]
