"""Mixing images of a batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmseg_semisup.models.policies import CutMix, Mix, Mixing, Target
from mmseg_semisup.models.policies.mix import build_mix, random_boxes
from mmseg_semisup.models.step.view import View


def target_of(count=4, size=12):
    """Images and labels of the number of the image."""
    numbers = torch.arange(count)[:, None, None].expand(count, size, size).clone()
    images = numbers[:, None].float().expand(-1, 3, -1, -1)
    return Target(View("unlabeled", images), numbers, numbers > -1, numbers > -1)


@pytest.mark.parametrize(
    ("pairing", "partners"), [("next", [3, 0, 1, 2]), ("reversed", [3, 2, 1, 0])]
)
def test_images_labels_and_weights_are_mixed_alike(pairing, partners):
    target = target_of()
    mixing = CutMix((0.25, 0.5), pairing).mixing(target, None)
    assert mixing.partner.tolist() == partners
    images, mixed, weights, _ = mixing.mixed(target.parts, target.parts)
    assert torch.equal(images[:, 0].long(), mixed)
    own = torch.arange(4)[:, None, None]
    expected = torch.where(mixing.mask, torch.tensor(partners)[:, None, None], own)
    assert torch.equal(mixed, expected)
    assert mixing.mask.any()
    assert not mixing.mask.all()
    assert weights.dtype == torch.bool


def test_one_image_stays_as_it_is():
    target = target_of(count=1)
    images = target.view.images
    assert torch.equal(CutMix().mixing(target, None).apply(images), images)


def test_a_policy_that_returns_another_shape_is_named():
    class Odd(Mix):
        def forward(self, target, step):
            return Mixing(target.labels[:, :3] > 0, torch.arange(len(target.labels)))

    message = r"Odd gave Mixing of \[\(4, 3, 12\), \(4,\)\] for labels \(4, 12, 12\)"
    with pytest.raises(ValueError, match=message):
        Odd().mixing(target_of(), None)


def test_names_and_configs():
    assert build_mix("none") is None
    assert isinstance(build_mix("cutmix"), CutMix)
    assert build_mix({"type": "CutMix", "area": (0.1, 0.2)}).area == (0.1, 0.2)
    assert isinstance(build_mix({"type": "CutMix"}), nn.Module)
    with pytest.raises(ValueError, match="mix='mixup'; allowed"):
        build_mix("mixup")
    with pytest.raises(ValueError, match="pairing='previous'; allowed"):
        CutMix(pairing="previous")


UNIMATCH = dict(area=(0.02, 0.4), aspect=(0.3, 1 / 0.3))


def boxes(count, size=(64, 64), **changes):
    policy = CutMix(**{**UNIMATCH, **changes})
    view = View("unlabeled", torch.zeros(1).expand(count, 3, *size))
    valid = torch.ones(1, dtype=torch.bool).expand(count, *size)
    labels = torch.zeros(1, dtype=torch.long).expand(count, *size)
    return policy(Target(view, labels, valid, valid), None)


def test_the_box_of_unimatch_has_the_simulated_size():
    torch.manual_seed(0)
    size = 148
    mask = boxes(2000, (size, size)).mask
    height = mask.any(2).sum(1) / size
    width = mask.any(1).sum(1) / size
    # Simulated with the authors' loop at 518 pixels; shares hardly depend on the size.
    assert (height * width).mean().item() == pytest.approx(0.209, abs=0.01)
    assert width.mean().item() == pytest.approx(0.388, abs=0.015)
    assert height.mean().item() == pytest.approx(0.531, abs=0.015)
    assert (height > width).float().mean().item() == pytest.approx(0.73, abs=0.03)


def test_boxes_are_whole_rectangles():
    torch.manual_seed(0)
    mask = boxes(50, (33, 47)).mask
    for box in mask:
        filled = box.any(1)[:, None] & box.any(0)[None]
        assert torch.equal(box, filled)
        assert box.any()


def test_a_box_is_drawn_with_a_probability():
    torch.manual_seed(0)
    share = boxes(2000, (8, 8), probability=0.5).mask.flatten(1).any(1).float().mean()
    assert share.item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("pairing", "partners"),
    [("next", [2, 0, 1]), ("reversed", [2, 1, 0]), ("same", [0, 1, 2])],
)
def test_pairings(pairing, partners):
    assert boxes(3, pairing=pairing).partner.tolist() == partners


def test_partners_of_another_batch():
    mixing = boxes(2, (4, 4), pairing="same", area=(1, 1), aspect=(1, 1))
    own, others = torch.zeros(2, 4, 4), torch.tensor([[[1.0]], [[2.0]]]).expand(2, 4, 4)
    assert torch.equal(mixing.apply(own, others), others)


def test_too_few_partners_are_refused():
    message = r"CutMix pastes an image of 'unlabeled' .* has 2 of the first and 3 of"
    with pytest.raises(ValueError, match=message):
        CutMix(pairing="same").mix(None, "mixed", target_of(3), None, target_of(2))


def test_three_boxes_share_the_area_and_cancel_where_two_overlap():
    torch.manual_seed(0)
    # Each covers a third of the area; two of them cancel where both are.
    mask = boxes(3000, (40, 40), area=(0.3, 0.3), aspect=None, boxes=3).mask
    single = random_boxes(9000, (40, 40), (0.3, 0.3), "cpu", 3**-0.5).float()
    assert single.mean().item() == pytest.approx(0.1, abs=0.002)
    a, b, c = single.view(3, 3000, 40, 40)
    odd = a + b + c - 2 * (a * b + a * c + b * c) + 4 * a * b * c
    assert mask.float().mean().item() == pytest.approx(odd.mean().item(), abs=0.01)


def test_one_pixel_under_three_boxes_is_pasted(monkeypatch):
    rows = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    drawn = torch.tensor(rows, dtype=torch.bool).view(3, 1, 3)
    module = "mmseg_semisup.models.policies.mix.random_boxes"
    monkeypatch.setattr(module, lambda *_: drawn)
    mask = boxes(1, (1, 3), aspect=None, boxes=3).mask
    assert mask.tolist() == [[[True, False, True]]]


@pytest.mark.parametrize(
    "changes", [{"aspect": (0, 1)}, {"probability": 2}, {"boxes": 0}, {"boxes": 3}]
)
def test_wrong_boxes_are_refused(changes):
    with pytest.raises(ValueError, match=f"CutMix: {next(iter(changes))}="):
        boxes(1, **changes)
