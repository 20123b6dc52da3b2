from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import NUM_CLASSES, tiny_segmentor
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from onnx_page import NORMALISATION, image

from mmseg_semisup.export.predictor import Predictor

META = {"classes": [f"class {i}" for i in range(NUM_CLASSES)], "palette": []}
PIPELINE = [{"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}]


def predictor(classes=NUM_CLASSES, networks="student", **head) -> Predictor:
    """One with random weights."""
    init_default_scope("mmseg")
    torch.manual_seed(0)
    model = {**tiny_segmentor(classes, **head), "data_preprocessor": NORMALISATION}
    cfg = Config({"model": model, "test_pipeline": PIPELINE})
    state = MODELS.build(cfg.model).state_dict()
    return Predictor(
        cfg, {"state_dict": state, "meta": {"dataset_meta": META}}, networks
    )


def logits_of(predict: Predictor, data) -> torch.Tensor:
    """Logits of an image, without mmseg's post-processing."""
    x = (data["inputs"].flip(0).float() - 120) / 60
    with torch.no_grad():
        meta = {"img_shape": x.shape[1:], "pad_shape": x.shape[1:]}
        return predict.model.encode_decode(x[None], [meta])[0]


@pytest.mark.parametrize("sigmoid", [False, True])
def test_confidence_is_the_probability_of_the_predicted_class(sigmoid):
    loss = {"type": "CrossEntropyLoss", "use_sigmoid": sigmoid}
    predict = predictor(loss_decode=loss)
    data = image(16, 24)
    logits = logits_of(predict, data)
    scores = logits.sigmoid() if sigmoid else logits.exp()
    expected = (scores / scores.sum(dim=0)).amax(dim=0)
    found = predict.predict([data])[0]
    np.testing.assert_allclose(found.confidence, expected.numpy(), rtol=1e-4)
    np.testing.assert_array_equal(found.labels, logits.argmax(dim=0).numpy())


def test_a_single_output_is_the_probability_of_the_second_class():
    loss = {"type": "CrossEntropyLoss", "use_sigmoid": True}
    predict = predictor(2, out_channels=1, threshold=0.5, loss_decode=loss)
    # Far from 0, where a second sigmoid would show.
    torch.nn.init.normal_(predict.model.decode_head.conv_seg.weight, std=9)
    data = image(16, 24)
    prob = logits_of(predict, data).sigmoid()[0]
    found = predict.predict([data])[0]
    np.testing.assert_array_equal(found.labels, (prob > 0.5).numpy())
    expected = torch.maximum(prob, 1 - prob)
    np.testing.assert_allclose(found.confidence, expected.numpy(), rtol=1e-4)
    assert prob.min() < 0.1


@pytest.mark.parametrize("networks", ["student", ["student", "student"]])
def test_images_of_a_batch_are_predicted_as_alone(networks):
    predict = predictor(networks=networks)
    images = [image(16, 24), {**image(16, 24), "inputs": image(24, 16)["inputs"].mT}]
    together = predict.predict(images)
    for found, data in zip(together, images, strict=True):
        alone = predict.predict([data])[0]
        np.testing.assert_array_equal(found.labels, alone.labels)
        np.testing.assert_allclose(found.confidence, alone.confidence, rtol=1e-5)
    assert not np.array_equal(together[0].labels, together[1].labels)
