"""Percentiles of the entropy against numpy, and the pixels that they select."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmseg_semisup.models.policies import EntropyPercentile
from mmseg_semisup.models.policies.entropy import masked_quantile, pixel_entropy

SIZE = (2, 3, 4)


def probs_of(classes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 3, 4, generator=generator, dtype=torch.float64)
    return (2 * logits).softmax(1)


def selected(probs, valid, progress=0.0, **arguments):
    judgement = SimpleNamespace(valid=valid, measure=lambda function: function(probs))
    return EntropyPercentile(**arguments)(judgement, SimpleNamespace(progress=progress))


def slow(probs, valid, share):
    """Pixel by pixel, with numpy's percentile."""
    entropies = {
        place: -sum(p * math.log(p) for p in probs[(place[0], slice(None), *place[1:])])
        for place in map(tuple, torch.nonzero(valid).tolist())
    }
    kept = torch.zeros_like(valid)
    limit = np.percentile(list(entropies.values()), 100 * share) if entropies else 0
    for place, entropy in entropies.items():
        kept[place] = entropy <= limit + 1e-12
    return kept


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("shown", [1.0, 0.5])
def test_reliable_pixels_are_those_of_the_reference(classes, progress, shown):
    valid = torch.rand(SIZE, generator=torch.Generator().manual_seed(1)) < shown
    probs = probs_of(classes)
    found = selected(probs, valid, progress, unreliable=0.4)
    assert torch.equal(found, slow(probs, valid, 1 - 0.4 * (1 - progress)))
    assert 0 < found.sum() < valid.sum() or progress == 1


def test_at_the_end_of_the_training_all_are_reliable():
    valid = torch.ones(SIZE, dtype=torch.bool)
    assert selected(probs_of(3), valid, 1.0).all()


def test_where_there_is_little_to_select():
    none = torch.zeros(SIZE, dtype=torch.bool)
    assert not selected(probs_of(3), none).any()
    one = none.clone()
    one[1, 2, 3] = True
    assert torch.equal(selected(probs_of(3), one), one)
    # One class has no entropy: all pixels are equal, and none is less reliable.
    assert selected(torch.ones(2, 1, 3, 4), ~none, unreliable=0.5).all()


def test_probabilities_of_zero_have_no_entropy():
    sure = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    assert pixel_entropy(sure).item() == 0


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.77, 1.0])
def test_quantiles_are_numpys(share):
    values = torch.randn(40, generator=torch.Generator().manual_seed(2)).double()
    for count in (1, 2, 7, 40):
        mask = torch.arange(40) < count
        found = masked_quantile(values, mask, share)
        expected = np.percentile(values[:count].numpy(), 100 * share)
        assert found.item() == pytest.approx(expected, abs=1e-12)
    assert masked_quantile(values, torch.zeros(40, dtype=torch.bool), share).isnan()


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"EntropyPercentile: unreliable=1.2"):
        EntropyPercentile(unreliable=1.2)
