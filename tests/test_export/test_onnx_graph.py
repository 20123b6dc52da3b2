"""What an ONNX file holds, as a module: it equals the model that it wraps."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from helpers import NUM_CLASSES, tiny_segmentor
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.models.utils.wrappers import Upsample
from mmseg.registry import MODELS
from onnx_page import NORMALISATION, image

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.build import unpadded_logits
from mmseg_semisup.export.onnx_graph import (
    OnnxNetwork,
    adaptive_pool,
    exportable_operations,
    same_convolution,
)
from mmseg_semisup.models.backbones.efficientnet_lite import SameConv2d

PADDING = {
    "none": {},
    "multiple": {"test_cfg": {"size_divisor": 8}, "pad_val": 2},
    "size": {"test_cfg": {"size": (40, 24)}},
}


def build(preprocessor=NORMALISATION, **head):
    init_default_scope("mmseg")
    torch.manual_seed(0)
    cfg = {**tiny_segmentor(**head), "data_preprocessor": preprocessor}
    return MODELS.build(ConfigDict(cfg)).eval()


@pytest.mark.parametrize("swaps", [True, False])
@pytest.mark.parametrize("padding", PADDING)
def test_pixels_of_a_file_give_the_models_own_logits(padding, swaps):
    changes = {"bgr_to_rgb": swaps, "mean": [90.0, 120.0, 150.0], **PADDING[padding]}
    model = build({**NORMALISATION, **changes})
    data = image(30, 37)
    with torch.no_grad():
        expected = unpadded_logits(model, [data])
        rgb = data["inputs"].flip(0).permute(1, 2, 0)[None]
        logits, classes, confidence = OnnxNetwork(model)(rgb)
    torch.testing.assert_close(logits, expected)
    assert classes.dtype == torch.uint8
    assert torch.equal(classes[0].long(), expected[0].argmax(dim=0))
    torch.testing.assert_close(confidence, expected.softmax(dim=1).amax(dim=1))


@pytest.mark.parametrize("swaps", [True, False])
def test_channels_that_are_loaded_as_stored_keep_their_order(swaps):
    changes = {"bgr_to_rgb": swaps, "mean": [90.0, 120.0, 150.0]}
    model = build({**NORMALISATION, **changes})
    data = image(16, 20)
    with torch.no_grad():
        stored = data["inputs"].permute(1, 2, 0)[None]
        logits, *_ = OnnxNetwork(model, loads_bgr=False)(stored)
        torch.testing.assert_close(logits, unpadded_logits(model, [data]))


@pytest.mark.parametrize("padding", PADDING)
def test_a_normalised_tensor_is_padded_only(padding):
    model = build({**NORMALISATION, **PADDING[padding]})
    data = image(30, 37)
    x = (data["inputs"].flip(0).float()[None] - 120) / 60
    with torch.no_grad():
        logits, *_ = OnnxNetwork(model, "tensor")(x)
        torch.testing.assert_close(logits, unpadded_logits(model, [data]))


def test_a_single_channel_is_the_second_class_above_the_threshold():
    model = build(
        num_classes=2,
        out_channels=1,
        threshold=0.4,
        loss_decode={"type": "CrossEntropyLoss", "use_sigmoid": True},
    )
    data = image(16, 20)
    with torch.no_grad():
        prob = unpadded_logits(model, [data]).sigmoid()[:, 0]
        rgb = data["inputs"].flip(0).permute(1, 2, 0)[None]
        _, classes, confidence = OnnxNetwork(model)(rgb)
    assert torch.equal(classes.bool(), prob > 0.4)
    torch.testing.assert_close(confidence, torch.where(prob > 0.4, prob, 1 - prob))


def test_sigmoids_are_divided_by_their_sum():
    model = build(loss_decode={"type": "CrossEntropyLoss", "use_sigmoid": True})
    with torch.no_grad():
        rgb = image(16, 20)["inputs"].flip(0).permute(1, 2, 0)[None]
        logits, _, confidence = OnnxNetwork(model)(rgb)
    expected = logits.sigmoid() / logits.sigmoid().sum(dim=1, keepdim=True)
    torch.testing.assert_close(confidence, expected.amax(dim=1))


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (8, 11), (1, 2), (13, 13)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_of_efficientnet_lite(kernel, stride, size):
    if kernel < stride:
        pytest.skip("the kernel leaves pixels out")
    layer = SameConv2d(2, 3, kernel, stride).double()
    x = torch.randn(1, 2, *size, dtype=torch.float64)
    torch.testing.assert_close(same_convolution(layer, x), layer(x))


def test_other_models_are_refused():
    with pytest.raises(ConfigError, match="Linear cannot be exported"):
        OnnxNetwork(torch.nn.Linear(1, 1))
    model = build()
    model.data_preprocessor = torch.nn.Identity()
    with pytest.raises(ConfigError, match="data_preprocessor.type='Identity'"):
        OnnxNetwork(model)
    model = build(num_classes=300)
    with pytest.raises(ConfigError, match="300 classes"):
        OnnxNetwork(model)


@pytest.mark.parametrize("size", [1, 2, 3, (2, 3), (None, 3), (1, None)])
def test_adaptive_pooling(size):
    x = torch.randn(2, NUM_CLASSES, 7, 10, dtype=torch.float64)
    expected = F.adaptive_avg_pool2d(x, size)
    torch.testing.assert_close(adaptive_pool(x, size), expected)


@pytest.mark.parametrize("scale", [2, 1.5])
@pytest.mark.parametrize("corners", [True, False])
def test_operations_that_are_replaced_give_the_same(scale, corners):
    layer = Upsample(scale_factor=scale, mode="bilinear", align_corners=corners)
    x = torch.randn(1, 2, 5, 7)
    expected = layer(x)
    with exportable_operations():
        torch.testing.assert_close(layer(x), expected)
        pooled = F.adaptive_avg_pool2d(x, 2)
    torch.testing.assert_close(pooled, F.adaptive_avg_pool2d(x, 2))
