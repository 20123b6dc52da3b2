"""Encoders by name, with the head that reads them."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from tiny_configs import ROOT

from mmseg_semisup.composition.encoders import (
    FILES,
    default_weights,
    encoder_names,
    resolve_encoder,
)
from mmseg_semisup.core.errors import ConfigError

MODEL_FILES = ROOT / "_base_" / "models"


@pytest.mark.parametrize("size", ["small", "base"])
def test_dinov2_is_the_model_of_the_shipped_configs(size):
    shipped = Config.fromfile(MODEL_FILES / f"dpt_dinov2-{size[0]}.py").model.to_dict()
    found = resolve_encoder(f"dinov2-{size}")
    assert found.parts["backbone"] == shipped["backbone"]
    kept = ("num_classes", "loss_decode")
    head = {k: v for k, v in shipped["decode_head"].items() if k not in kept}
    assert found.parts["decode_head"] == head
    prepared = shipped["data_preprocessor"]
    assert found.normalisation.items() <= prepared.items()
    assert (found.patch, found.rates) == (14, (2e-4, 5e-6))


@pytest.mark.parametrize("name", FILES)
def test_convolutional_encoders_are_those_of_the_shipped_configs(name):
    shipped = Config.fromfile(MODEL_FILES / FILES[name]).model.to_dict()
    found = resolve_encoder(name)
    assert all(shipped[key] == part for key, part in found.parts.items())
    assert found.normalisation.items() <= shipped["data_preprocessor"].items()
    assert found.patch is found.rates is None


@pytest.mark.parametrize("name", encoder_names())
def test_every_head_reads_its_encoder(name):
    found = resolve_encoder(name)
    if name not in FILES:
        pytest.importorskip("transformers")
    parts = {**found.parts, "decode_head": {**found.parts["decode_head"]}}
    parts["decode_head"].update(num_classes=3)
    with torch.device("meta"):
        network = MODELS.build({"type": "mmseg.EncoderDecoder", **parts}).eval()
        side = 2 * (found.patch or 32)
        logits = network._forward(torch.rand(1, 3, side, side))
    assert logits.shape[:2] == (1, 3)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("dinov2-giant", "pretrained/dinov2_vitg14_pretrain.pth"),
        ("dinov2-large-registers", "pretrained/dinov2_vitl14_reg4_pretrain.pth"),
        ("dinov3-vitb16", "facebook/dinov3-vitb16-pretrain-lvd1689m"),
        ("dinov3-convnext-base", "facebook/dinov3-convnext-base-pretrain-lvd1689m"),
    ],
)
def test_weights_have_their_published_names(name, weights):
    assert default_weights(name) == weights
    assert resolve_encoder(name).parts["backbone"]["weights"] == weights


def test_weights_and_arguments_of_the_backbone():
    for stated in (
        ["dinov2-small", "mine.pth"],
        {"name": "dinov2-small", "weights": "mine.pth"},
    ):
        assert resolve_encoder(stated).parts["backbone"]["weights"] == "mine.pth"
    found = resolve_encoder({"name": "dinov2-small", "weights": None, "frozen": True})
    assert found.parts["backbone"] == {
        **{"type": "TransformersBackbone", "arch": "dinov2-small"},
        **{"weights": None, "frozen": True},
    }
    found = resolve_encoder({"name": "resnet50", "weights": None, "norm_eval": True})
    assert found.parts["backbone"]["init_cfg"] is None
    assert found.parts["backbone"]["norm_eval"] is True
    found = resolve_encoder(["efficientnet-lite1", "mine.pth"])
    expected = {"type": "Pretrained", "checkpoint": "mine.pth"}
    assert found.parts["backbone"]["init_cfg"] == expected


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("dinov2-smal", "did you mean 'dinov2-small'"),
        ("dinov2_vits14", "there are dinov2-small, .*, resnet101"),
        ([], r"encoder=\[\]; allowed: a name, a name and a file"),
        (["dinov2-small", "a", "b"], "allowed: a name, a name and a file"),
        ({"arch": "dinov2-small"}, r"allowed: .* dict\(name="),
        (3, "encoder=3; allowed"),
    ],
)
def test_other_values_are_refused_in_one_line(stated, message):
    with pytest.raises(ConfigError, match=message) as error:
        resolve_encoder(stated)
    assert "\n" not in str(error.value)
