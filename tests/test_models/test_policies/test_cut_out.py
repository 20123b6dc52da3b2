"""CutOut: what is erased, and that it is not learnt."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.models.policies import ConfidentShare, CutOut, Target
from mmseg_semisup.models.step.view import View


def target_of(count=4, size=16):
    valid = torch.ones(count, size, size, dtype=torch.bool)
    valid[:, :2] = False
    images = 1 + torch.rand(count, 3, size, size)
    labels = torch.randint(0, 3, (count, size, size))
    return Target(View("unlabeled", images), labels, valid, valid)


def test_a_rectangle_is_erased_and_not_learnt():
    torch.manual_seed(0)
    target = target_of()
    erasing = CutOut().mixing(target, None)
    images, labels, weights, valid = erasing.mixed(target.parts, target.parts)
    for box in erasing.mask:
        assert torch.equal(box, box.any(1)[:, None] & box.any(0)[None])
    assert torch.equal((images == 0).all(1), erasing.mask)
    kept = ~erasing.mask[:, None].expand_as(images)
    assert torch.equal(images[kept], target.view.images[kept])
    assert torch.equal(labels, target.labels)
    assert torch.equal(valid, target.valid)
    assert torch.equal(erasing.learnable(weights), target.valid & ~erasing.mask)


def test_erased_pixels_count_for_the_share_of_confident_ones():
    torch.manual_seed(0)
    target = target_of()
    confidence = torch.rand(target.valid.shape) * target.valid
    erasing = CutOut((0.5, 0.5)).mixing(target, None)
    share = ConfidentShare(0.7).finish(confidence, target.valid)
    expected = (confidence >= 0.7)[target.valid].float().mean()
    torch.testing.assert_close(share[target.valid].unique(), expected[None])
    assert (erasing.learnable(share)[erasing.mask] == 0).all()


def test_areas_are_uniform():
    torch.manual_seed(0)
    boxes = CutOut().mixing(target_of(2000, 40), None).mask.float().mean((1, 2))
    assert boxes.mean().item() == pytest.approx(0.5, abs=0.02)
    assert boxes.std().item() == pytest.approx(12**-0.5, abs=0.02)


def test_no_image_needs_another_one():
    assert CutOut.pairs is False
    assert CutOut((1, 1)).mixing(target_of(1, 1), None).mask.all()


@pytest.mark.parametrize("area", [(-0.1, 0.5), (0.5, 0.2), (0, 1.1)])
def test_an_area_out_of_range_is_refused(area):
    with pytest.raises(ValueError, match="CutOut: area="):
        CutOut(area)
