"""Decode heads as ONNX files, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import tiny_segmentor
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from onnx_page import NORMALISATION, PAGE, export, image, outcome, row, rows
from PIL import Image
from tiny_encoders import DINOV2

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.onnx_check import LEAST_EQUAL, compare
from mmseg_semisup.export.onnx_file import (
    OnnxSettings,
    keep_outputs,
    to_onnx,
    write_onnx,
)
from mmseg_semisup.export.onnx_graph import OnnxNetwork
from mmseg_semisup.export.onnx_packages import PACKAGES

onnx = pytest.importorskip("onnx")
for package in PACKAGES:
    pytest.importorskip(package)

HEADS = (
    *("FCNHead", "PSPHead", "ASPPHead", "DepthwiseSeparableASPPHead", "UPerHead"),
    *("SegformerHead", "FPNHead", "OCRHead", "DPTHead", "SegmenterMaskTransformerHead"),
)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_the_page_says_how_a_head_is_exported(head):
    result, reason = outcome(head)
    known = rows(PAGE.read_text(encoding="utf-8"))
    assert known[head] == row(head, result, reason)


@pytest.mark.slow
def test_an_encoder_of_transformers():
    """Also at sizes that are no multiple of its patch, which are padded."""
    pytest.importorskip("transformers")
    cfg = tiny_segmentor(in_channels=16, in_index=3)
    cfg["backbone"] = {"type": "TransformersBackbone", "arch": DINOV2}
    cfg["data_preprocessor"] = NORMALISATION
    init_default_scope("mmseg")
    torch.manual_seed(0)
    found = export(MODELS.build(ConfigDict(cfg)).eval(), image(84, 56), None)
    assert found.equal >= LEAST_EQUAL


def relu(name: str = "image"):
    """A model that returns positive inputs as logits, and the signs as classes."""
    value = onnx.helper.make_tensor_value_info
    shape = ["n", "c", "h", "w"]
    nodes = [
        onnx.helper.make_node("Relu", [name], ["logits"]),
        onnx.helper.make_node("Add", ["logits", "one"], ["more"]),
        onnx.helper.make_node("Sign", ["more"], ["classes"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "relu",
        [value(name, onnx.TensorProto.FLOAT, shape)],
        [value(n, onnx.TensorProto.FLOAT, shape) for n in ("logits", "classes")],
        [onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])],
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)]
    )


def test_what_only_other_outputs_need_is_removed():
    proto = relu()
    keep_outputs(proto, ["logits"])
    assert [node.op_type for node in proto.graph.node] == ["Relu"]
    assert not proto.graph.initializer
    proto = relu()
    keep_outputs(proto, ["classes"])
    assert [node.op_type for node in proto.graph.node] == ["Relu", "Add", "Sign"]
    onnx.checker.check_model(proto)


def test_a_file_that_predicts_otherwise_is_refused():
    init_default_scope("mmseg")
    cfg = {**tiny_segmentor(3), "data_preprocessor": NORMALISATION}
    model = MODELS.build(ConfigDict(cfg)).eval()
    network = OnnxNetwork(model, "tensor")
    content = relu("tensor").SerializeToString()
    with pytest.raises(ConfigError, match=r"photo, logits differ by up to .*allowed"):
        compare(content, network, model, {"photo": image(16, 24)})
    with pytest.raises(ConfigError, match="16 x 24 pixels .* give larger ones"):
        compare(content, network, model, {"photo": image(16, 24)}, (32, 32))
    with pytest.raises(ConfigError, match="onnxruntime refuses it"):
        compare(b"nothing", network, model, {"photo": image(16, 24)})


def test_other_values_than_8_bits_need_a_tensor(tmp_path):
    pytest.importorskip("onnx")
    init_default_scope("mmseg")
    cfg = {**tiny_segmentor(3), "data_preprocessor": NORMALISATION}
    model = MODELS.build(ConfigDict(cfg)).eval()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "a.png")
    load = {"type": "LoadImageFromFile", "to_float32": True}
    pipeline = [load, {"type": "PackSegInputs"}]
    path = tmp_path / "model.onnx"
    with pytest.raises(ConfigError, match="gives torch.float32; with --onnx-input ten"):
        write_onnx(model, pipeline, [tmp_path / "a.png"], path, OnnxSettings(), {})
    assert not path.exists()


def test_a_network_that_cannot_be_exported_is_named(monkeypatch):
    init_default_scope("mmseg")
    cfg = {**tiny_segmentor(), "data_preprocessor": NORMALISATION}
    network = OnnxNetwork(MODELS.build(ConfigDict(cfg)).eval())

    def fail(*_, **__):
        raise RuntimeError("translation") from NotImplementedError("no Fold\nmore")

    monkeypatch.setattr(torch.export, "export", fail)
    with pytest.raises(ConfigError, match="FCNHead cannot be exported: no Fold; with"):
        to_onnx(network, (3, 16, 16))
    monkeypatch.setattr("mmseg_semisup.export.onnx_file.LARGEST", 1000)
    with pytest.raises(ConfigError, match="the weights take .* GB"):
        to_onnx(network, (3, 16, 16))


@pytest.mark.parametrize(
    "change", [{"source": "jpeg"}, {"outputs": ("mask",)}, {"outputs": ()}]
)
def test_settings_that_are_not_allowed(change):
    with pytest.raises(ConfigError, match="allowed"):
        OnnxSettings(**change)


def test_a_network_that_needs_larger_images_is_named():
    init_default_scope("mmseg")
    cfg = {**tiny_segmentor(3), "data_preprocessor": NORMALISATION}
    model = MODELS.build(ConfigDict(cfg)).eval()

    def fail(*_):
        raise RuntimeError("Output size is\ntoo small")

    model.encode_decode = fail
    content = relu("tensor").SerializeToString()
    network = OnnxNetwork(model, "tensor")
    with pytest.raises(
        ConfigError, match="predict photo: Output size is too small; gi"
    ):
        compare(content, network, model, {"photo": image(16, 24)})
