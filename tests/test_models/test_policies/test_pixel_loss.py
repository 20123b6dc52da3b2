"""What an objective learns from a judgement."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.models.policies import LabelCrossEntropy, SquaredDifference
from mmseg_semisup.models.policies.pixel_loss import build_loss

from .test_select import build, consistency

EVERY = {"threshold": 0.0}


def test_squared_difference_of_probabilities():
    squared = {"type": "SquaredDifference"}
    model, step = build(("squared", consistency(**EVERY, loss=squared, weight=2.0)))
    loss = model.objectives["squared"](step)["loss"]
    mine = step.student("unlabeled_strong").probs
    theirs = step.teacher("unlabeled").probs
    expected = 2 * (mine - theirs).square().sum(1).mean()
    torch.testing.assert_close(loss, expected)
    assert not theirs.requires_grad


def test_names_and_configs():
    assert isinstance(build_loss(None), LabelCrossEntropy)
    assert isinstance(build_loss({"type": "SquaredDifference"}), SquaredDifference)
    with pytest.raises(KeyError, match="Squared"):
        build_loss({"type": "Squared"})
