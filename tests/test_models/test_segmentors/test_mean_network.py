"""The mean of several networks, in predictions, validations and tests."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import PREPROCESSOR, sample, tiny_segmentor
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_semisup.cli.launch import choose_network
from mmseg_semisup.composition.training import predicting_network
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.loops import validated_networks
from mmseg_semisup.models.network_names import check_network
from mmseg_semisup.models.step.prediction import probabilities

BOTH = ["student", "second"]
SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True}


def model_of(predict_with=BOTH, **head):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(**head),
            "networks": {"second": {"type": "Peer"}},
            "data_preprocessor": PREPROCESSOR,
            "test_cfg": {"predict_with": predict_with},
        }
    ).eval()
    for name in BOTH:
        torch.nn.init.normal_(model.network(name).decode_head.conv_seg.weight)
    return model


def predicted(model, images, sizes=((16, 16), (16, 16))):
    samples = [sample(size) for size in sizes]
    with torch.no_grad():
        return model(images, samples, mode="predict")


@pytest.mark.parametrize("head", [{}, {"loss_decode": SIGMOID}])
@pytest.mark.parametrize("sizes", [((16, 16), (16, 16)), ((9, 20), (16, 16))])
def test_the_probabilities_are_the_mean(head, sizes):
    model, images = model_of(**head), torch.randn(2, 3, 16, 16)
    found = predicted(model, images, sizes)
    own = []
    for name in BOTH:
        model.configure_test(name)
        own.append(predicted(model, images, sizes))
    for mean, *each in zip(found, *own, strict=True):
        probs = [probabilities(model.segmentor, s.seg_logits.data, 0) for s in each]
        expected = sum(probs) / 2
        logits = mean.seg_logits.data
        torch.testing.assert_close(probabilities(model.segmentor, logits, 0), expected)
        assert torch.equal(mean.pred_sem_seg.data[0], expected.argmax(0))
        assert logits.shape[1:] == mean.ori_shape
    assert not torch.equal(*(s[0].seg_logits.data for s in own))


def test_logits_of_the_mean_and_no_training():
    model, images = model_of(), torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        parts = [model.network(n)(images, None, "tensor").softmax(1) for n in BOTH]
        found = model(images).softmax(1)
    torch.testing.assert_close(found, sum(parts) / 2)
    with pytest.raises(ValueError, match="mean of networks is not trained"):
        model.network("student+second")(images, None, "loss")


def test_the_mean_has_no_part_in_the_model():
    mean, plain = model_of(), model_of("student")
    assert mean.state_dict().keys() == plain.state_dict().keys()
    assert mean.network_names == BOTH
    assert copy.deepcopy(mean).predict_with == mean.predict_with == "student+second"


def test_it_is_validated_beside_the_networks():
    assert validated_networks(model_of()) == [*BOTH, "student+second"]
    assert validated_networks(model_of("second")) == BOTH
    block = {"test_cfg": {"predict_with": BOTH}}
    assert predicting_network(block) == "student+second"


@pytest.mark.parametrize(
    "wrong", [["student", "third"], ["student", "student"], [], "student+", "teacher"]
)
def test_what_cannot_predict_is_refused(wrong):
    with pytest.raises(ValueError, match="predict_with="):
        model_of(wrong)


def test_a_test_chooses_several_networks_and_an_export_one():
    model = {"segmentor": {}, "networks": {"second": {"type": "Peer"}}}
    cfg = Config({"model": model})
    choose_network(cfg, BOTH)
    assert cfg.model.test_cfg.predict_with == "student+second"
    with pytest.raises(ConfigError, match="--network='secnd'"):
        choose_network(cfg, ["student", "secnd"])
    with pytest.raises(ConfigError, match=r"network='student\+second', but"):
        check_network("student+second", model, "network")
