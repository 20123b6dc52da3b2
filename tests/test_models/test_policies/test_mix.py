"""Mixing images of a batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmseg_semisup.models.policies import CutMix, Mix, Mixing
from mmseg_semisup.models.policies.mix import build_mix


def maps(count=4, size=12):
    numbers = torch.arange(count)[:, None, None].expand(count, size, size).clone()
    return numbers[:, None].float().expand(-1, 3, -1, -1), numbers, numbers > -1


@pytest.mark.parametrize(
    ("pairing", "partners"), [("next", [3, 0, 1, 2]), ("reversed", [3, 2, 1, 0])]
)
def test_images_labels_and_weights_are_mixed_alike(pairing, partners):
    images, labels, weights = maps()
    mixing = CutMix((0.25, 0.5), pairing).mixing(images, labels, weights)
    assert mixing.partner.tolist() == partners
    mixed = mixing.apply(labels)
    assert torch.equal(mixing.apply(images)[:, 0].long(), mixed)
    own = torch.arange(4)[:, None, None]
    expected = torch.where(mixing.mask, torch.tensor(partners)[:, None, None], own)
    assert torch.equal(mixed, expected)
    assert mixing.mask.any()
    assert not mixing.mask.all()
    assert mixing.apply(weights).dtype == torch.bool


def test_one_image_stays_as_it_is():
    images, labels, weights = maps(count=1)
    assert torch.equal(CutMix().mixing(images, labels, weights).apply(images), images)


def test_a_policy_that_returns_another_shape_is_named():
    class Odd(Mix):
        def forward(self, images, labels, weights):
            return Mixing(labels[:, :3] > 0, torch.arange(len(labels)))

    message = r"Odd gave a mask \(4, 3, 12\) and partners \(4,\)"
    with pytest.raises(ValueError, match=message):
        Odd().mixing(*maps())


def test_names_and_configs():
    assert build_mix("none") is None
    assert isinstance(build_mix("cutmix"), CutMix)
    assert build_mix({"type": "CutMix", "area": (0.1, 0.2)}).area == (0.1, 0.2)
    assert isinstance(build_mix({"type": "CutMix"}), nn.Module)
    with pytest.raises(ValueError, match="mix='mixup'; allowed"):
        build_mix("mixup")
    with pytest.raises(ValueError, match="pairing='previous'; allowed"):
        CutMix(pairing="previous")
