from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import NUM_CLASSES, tiny_segmentor
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_semisup.export.predictor import Predictor


def predict(logits, labels, network=None):
    """What a predictor makes of the logits and labels of one image."""
    sample = SegDataSample(
        seg_logits=PixelData(data=logits), pred_sem_seg=PixelData(data=labels[None])
    )
    predictor = object.__new__(Predictor)
    predictor.models = [SimpleNamespace(test_step=lambda _: [sample])]
    predictor._networks = [network]
    batch = {"inputs": None, "data_samples": None}
    predictor._pipeline = SimpleNamespace(transforms=[lambda _: batch])
    return predictor("image.png").confidence


@pytest.mark.parametrize("sigmoid", [False, True])
def test_confidence_is_the_probability_of_the_predicted_class(sigmoid):
    init_default_scope("mmseg")
    loss = {"type": "CrossEntropyLoss", "use_sigmoid": sigmoid}
    network = MODELS.build(tiny_segmentor(loss_decode=loss))
    logits = torch.randn(NUM_CLASSES, 6, 8, generator=torch.Generator().manual_seed(0))
    found = predict(logits, logits.argmax(dim=0), network)
    scores = logits.sigmoid() if sigmoid else logits.exp()
    expected = (scores / scores.sum(dim=0)).amax(dim=0)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5)


def test_a_single_output_is_the_probability_of_the_second_class():
    logits = torch.tensor([[[2.0, -1.0, 0.5]]])
    labels = torch.tensor([[1, 0, 0]])
    expected = [[0.880797, 1 - 0.268941, 1 - 0.622459]]
    np.testing.assert_allclose(predict(logits, labels), expected, rtol=1e-5)
