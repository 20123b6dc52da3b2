from __future__ import annotations

import pytest
import torch
from helpers import NUM_CLASSES, tiny_segmentor
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_semisup.pseudo_masks.network import BatchPredictor


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_confidence_is_what_the_head_is_trained_for(sigmoid, flip):
    init_default_scope("mmseg")
    loss = {"type": "CrossEntropyLoss", "use_sigmoid": sigmoid}
    predictor = object.__new__(BatchPredictor)
    predictor.model = MODELS.build(tiny_segmentor(loss_decode=loss))
    torch.manual_seed(0)
    logits = [torch.randn(2, NUM_CLASSES, 8, 8) for _ in range(1 + flip)]
    labels = predictor.label(logits, 1, (8, 8))
    scores = [each[1].sigmoid() if sigmoid else each[1].exp() for each in logits]
    probs = sum(each / each.sum(dim=0) for each in scores) / len(scores)
    torch.testing.assert_close(labels.confidence, probs.amax(dim=0))
    assert torch.equal(labels.classes.long(), probs.argmax(dim=0))
