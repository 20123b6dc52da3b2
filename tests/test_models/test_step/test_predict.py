"""Predictions of classes are those of mmseg."""

import copy

import pytest
import torch
from helpers import sample, tiny_segmentor
from mmengine.config import ConfigDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS

from mmseg_semisup.models.step.predict import predict


def network(**changes):
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(tiny_segmentor(**changes))).eval()


def samples(number, **meta):
    made = []
    for index in range(number):
        one = sample((24, 32))
        own = {k: v[index] if isinstance(v, list) else v for k, v in meta.items()}
        one.set_metainfo(own)
        made.append(one)
    return made


CASES = {
    "plain": {},
    "resized": {"ori_shape": (31, 45)},
    "original sizes": {"ori_shape": [(31, 45), (24, 32), (60, 20)]},
    "padded": {"img_padding_size": (0, 5, 0, 3), "ori_shape": (40, 50)},
    "padded in training": {"padding_size": (1, 2, 3, 4)},
    "flipped": {"flip": True, "flip_direction": "horizontal"},
    "flipped over": {"flip": True, "flip_direction": "vertical"},
    "not flipped": {"flip": False, "flip_direction": "horizontal"},
    "one flipped": {"flip": [True, False, False], "flip_direction": "vertical"},
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("align_corners", [True, False])
@torch.no_grad()
def test_predictions_are_those_of_mmseg(name, align_corners):
    model = network(align_corners=align_corners)
    inputs = torch.randn(3, 3, 24, 32)
    given = samples(3, **CASES[name])
    expected = model(inputs, copy.deepcopy(given), mode="predict")
    found = predict(model, inputs, given)
    for one, other, own in zip(found, expected, given, strict=True):
        assert one is own
        assert sorted(one.all_keys()) == sorted(other.all_keys())
        assert torch.equal(one.seg_logits.data, other.seg_logits.data)
        assert torch.equal(one.pred_sem_seg.data, other.pred_sem_seg.data)
        assert one.pred_sem_seg.data.dtype == other.pred_sem_seg.data.dtype


@torch.no_grad()
def test_windows_that_slide_are_predicted_together():
    model = network()
    model.test_cfg.update(mode="slide", crop_size=(16, 16), stride=(12, 12))
    inputs = torch.randn(2, 3, 24, 32)
    expected = model(inputs, samples(2), mode="predict")
    for one, other in zip(predict(model, inputs, samples(2)), expected, strict=True):
        assert torch.equal(one.seg_logits.data, other.seg_logits.data)


@torch.no_grad()
def test_without_samples_new_ones_are_made():
    found = predict(network(), torch.randn(2, 3, 24, 32), None)
    assert [one.pred_sem_seg.shape for one in found] == [(24, 32)] * 2


class OwnSegmentor(EncoderDecoder):
    """A user's, with its own last step."""

    def postprocess_result(self, seg_logits, data_samples=None):
        """Say so."""
        return ["own"]


def test_a_segmentor_with_its_own_way_is_asked():
    cfg = ConfigDict(tiny_segmentor())
    del cfg["type"]
    model = OwnSegmentor(**cfg)
    assert predict(model, torch.randn(1, 3, 24, 32), samples(1)) == ["own"]


@torch.no_grad()
def test_the_logits_of_one_class_are_thresholded():
    model = network(num_classes=2, out_channels=1, threshold=0.5)
    (found,) = predict(model, torch.randn(1, 3, 24, 32), samples(1))
    assert set(found.pred_sem_seg.data.unique().tolist()) <= {0.0, 1.0}
