import copy

import pytest
import torch
from helpers import tiny_segmentor
from mmseg.registry import MODELS
from torch import nn

from mmseg_semisup.models.classifiers.multi_label import measured_channels

BACKBONE = dict(tiny_segmentor()["backbone"], norm_cfg=dict(type="BN"))


class Outputs(nn.Module):
    """A backbone with given outputs."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, images):
        if isinstance(self.outputs, Exception):
            raise self.outputs
        return self.outputs


def build(**changes):
    cfg = dict(type="MultiLabelClassifier", backbone=BACKBONE, num_classes=3)
    return MODELS.build({**cfg, **changes})


@pytest.mark.parametrize("index", [0, -1])
def test_channels_are_measured(index):
    classifier = build(in_index=index)
    features = classifier.features(torch.zeros(2, 3, 24, 24))
    assert classifier.fc.in_features == features.shape[1]
    assert classifier(torch.zeros(2, 3, 24, 24)).shape == (2, 3)


def test_measuring_changes_nothing():
    backbone = MODELS.build(copy.deepcopy(BACKBONE))
    backbone.train()
    before = copy.deepcopy(backbone.state_dict())
    random = torch.get_rng_state()
    measured_channels(backbone, -1)
    assert all(m.training for m in backbone.modules())
    assert torch.equal(random, torch.get_rng_state())
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("outputs", "index", "message"),
    [
        (torch.zeros(1, 8, 4, 4), -1, "no list of maps when it is evaluated"),
        ([torch.zeros(1, 8)], -1, r"gives \(1, 8\) as output -1"),
        ([[torch.zeros(1, 8, 4, 4)]], -1, "gives list as output -1"),
        ([torch.zeros(1, 8, 4, 4)], 1, "has 1 outputs and none at 1"),
        (RuntimeError("size 640\nmore"), -1, "size 640; state .* in_channels"),
    ],
)
def test_outputs_that_cannot_be_pooled_are_refused(outputs, index, message):
    with pytest.raises(ValueError, match=message):
        measured_channels(Outputs(outputs), index)
