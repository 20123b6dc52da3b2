"""Mixup: blended images, probabilities and confidences."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.models.policies import Mixup, Target
from mmseg_semisup.models.step.view import View


def target_of(count=4, size=6):
    valid = torch.rand(count, size, size) < 0.8
    images = torch.rand(count, 3, size, size, dtype=torch.float64)
    probs = torch.rand(count, 5, size, size, dtype=torch.float64).softmax(1)
    return Target(View("unlabeled", images), probs, probs.amax(1), valid)


def test_all_parts_are_blended_alike():
    torch.manual_seed(0)
    target = target_of()
    blending = Mixup(alpha=1.0).mixing(target, None)
    assert blending.partner.tolist() == [3, 0, 1, 2]
    images, probs, weights, valid = blending.mixed(target.parts, target.parts)
    for n, partner in enumerate([3, 0, 1, 2]):
        share = blending.share[n].item()
        for mixed, own in (
            (images, target.view.images),
            (probs, target.labels),
            (weights, target.weights),
        ):
            expected = (1 - share) * own[n] + share * own[partner]
            torch.testing.assert_close(mixed[n], expected)
        assert torch.equal(valid[n], target.valid[n] & target.valid[partner])
    torch.testing.assert_close(probs.sum(1), torch.ones_like(weights))


def test_small_parameters_give_shares_near_the_ends():
    torch.manual_seed(0)
    shares = Mixup(0.1).mixing(target_of(3000, 1), None).share
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    # The variance of Beta(a, a) is 1 / (4 (2 a + 1)).
    assert shares.var().item() == pytest.approx(1 / 4.8, abs=0.01)
    assert ((shares >= 0) & (shares <= 1)).all()


def test_labels_have_no_mean():
    target = target_of()
    target = target._replace(labels=target.classes)
    blending = Mixup().mixing(target, None)
    with pytest.raises(ValueError, match="labels have no mean; set loss=dict"):
        blending.mixed(target.parts, target.parts)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="Mixup: alpha=0; allowed: above 0"):
        Mixup(0)
    with pytest.raises(ValueError, match="Mixup: pairing='previous'; allowed"):
        Mixup(pairing="previous")
