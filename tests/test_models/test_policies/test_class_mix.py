"""ClassMix against a slow loop, and images without classes to paste."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from mmseg_semisup.models.policies import ClassMix, Target
from mmseg_semisup.models.policies.class_mix import half_of_classes
from mmseg_semisup.models.step.view import View

STEP = SimpleNamespace(num_classes=5)


def target_of(labels, valid=None):
    images = torch.rand(len(labels), 3, *labels.shape[-2:])
    valid = labels != 255 if valid is None else valid
    return Target(View("unlabeled", images), labels, valid, valid)


def labels_of(count=6, size=9):
    labels = torch.randint(0, 5, (count, size, size))
    labels[:, :2] = 255
    labels[0] = 3
    labels[1] = 255
    return labels


@pytest.mark.parametrize("seed", range(3))
def test_half_of_the_classes_with_all_their_pixels(seed):
    torch.manual_seed(seed)
    labels = labels_of()
    mask = half_of_classes(labels, 5, 255)
    for chosen, shown in zip(mask, labels, strict=True):
        classes = set(shown.unique().tolist()) - {255}
        pasted = set(shown[chosen].tolist())
        assert len(pasted) == len(classes) // 2
        assert pasted <= classes
        for number in classes:
            pixels = chosen[shown == number]
            assert pixels.all() if number in pasted else not pixels.any()


def test_each_class_is_drawn_as_often():
    torch.manual_seed(0)
    labels = torch.tensor([[[0, 1, 2, 4]]]).expand(4000, 1, 4)
    share = half_of_classes(labels, 5, 255).float().mean((0, 1))
    torch.testing.assert_close(share, torch.full((4,), 0.5), atol=0.03, rtol=0)


def test_the_pixels_are_those_of_the_partner():
    torch.manual_seed(0)
    target = target_of(labels_of())
    mixing = ClassMix().mixing(target, STEP)
    assert mixing.partner.tolist() == [5, 0, 1, 2, 3, 4]
    mixed = mixing.mixed(target.parts, target.parts)
    for n, partner in enumerate(mixing.partner.tolist()):
        for y in range(9):
            for x in range(9):
                source = partner if mixing.mask[n, y, x] else n
                assert mixed.labels[n, y, x] == target.labels[source, y, x]
                assert torch.equal(
                    mixed.images[n, :, y, x], target.view.images[source, :, y, x]
                )
    # The first image has one class, the second none: nothing of theirs is pasted.
    assert not mixing.mask[1:3].any()
    assert mixing.mask[3:].flatten(1).any(1).all()


def test_pixels_that_are_not_valid_have_no_class():
    """Padding is predicted, too, but is never pasted."""
    torch.manual_seed(0)
    labels = torch.arange(4).view(1, 1, 4).expand(8, 2, 4)
    valid = (labels < 2).clone()
    assert (
        not ClassMix("same").mixing(target_of(labels, valid), STEP).mask[~valid].any()
    )


def test_probabilities_have_the_most_probable_class():
    torch.manual_seed(0)
    labels = labels_of()
    probs = torch.zeros(6, 5, 9, 9).scatter_(1, labels.clamp(max=4)[:, None], 0.9)
    valid = labels != 255
    torch.manual_seed(1)
    hard = ClassMix().mixing(target_of(labels), STEP)
    torch.manual_seed(1)
    soft = ClassMix().mixing(target_of(probs, valid), STEP)
    assert torch.equal(hard.mask, soft.mask)


def test_one_image_of_one_pixel_stays():
    mixing = ClassMix().mixing(target_of(torch.zeros(1, 1, 1).long()), STEP)
    assert not mixing.mask.any()


def test_an_unknown_pairing_is_refused():
    with pytest.raises(ValueError, match="ClassMix: pairing='previous'; allowed"):
        ClassMix("previous")
