import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from torch.nn import functional as F

import mmseg_semisup  # noqa: F401
from mmseg_semisup.models import DeepLabV2Head, SegOutput


def make_head(**changes):
    head = DeepLabV2Head(**{"in_channels": 16, "num_classes": 4, **changes})
    head.init_weights()
    return head


@pytest.mark.parametrize("dilations", [(6, 12, 18, 24), (6, 12)])
def test_logits_are_the_sum_of_dilated_classifiers(dilations):
    head = make_head(dilations=dilations)
    x = torch.randn(2, 16, 9, 11)
    # A dilated kernel is an ordinary one with zeros between its taps.
    expected = 0
    assert len(head.conv_seg) == len(dilations)
    for conv, dilation in zip(head.conv_seg, dilations, strict=True):
        weight = torch.zeros(4, 16, 2 * dilation + 1, 2 * dilation + 1)
        weight[..., ::dilation, ::dilation] = conv.weight.detach()
        expected = expected + F.conv2d(x, weight, conv.bias, padding=dilation)
    torch.testing.assert_close(head([x]), expected, rtol=1e-4, atol=1e-5)


def test_no_parameter_is_unused():
    head = make_head()
    head([torch.randn(1, 16, 5, 5)]).sum().backward()
    # Four 3x3 classifiers with bias, and no 1x1 classifier besides.
    assert sum(p.numel() for p in head.parameters()) == 4 * (9 * 16 * 4 + 4)
    assert all(p.grad is not None for p in head.parameters())


def test_initialisation_is_normal_with_deviation_a_hundredth():
    head = make_head(in_channels=256)
    for conv in head.conv_seg:
        assert conv.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert conv.weight.mean().abs() < 1e-3
        assert conv.bias.abs().sum() == 0


def test_embedding_is_the_feature():
    cfg = tiny_segmentor()
    cfg["decode_head"] = dict(
        type="DeepLabV2Head", in_channels=16, in_index=1, num_classes=4
    )
    network = MODELS.build(cfg)
    output = SegOutput(network, torch.randn(1, 3, 32, 32))
    assert output.logits.shape == (1, 4, 4, 4)
    assert torch.equal(output.embedding, output.feats[1])


def test_trains_in_the_wrapper_with_dropout():
    cfg = tiny_segmentor()
    cfg["decode_head"] = dict(
        type="DeepLabV2Head",
        in_channels=16,
        in_index=1,
        num_classes=4,
        dropout_ratio=0.5,
    )
    model = MODELS.build(
        dict(type="SemiSegmentor", segmentor=cfg, data_preprocessor=PREPROCESSOR)
    )
    model.train()
    losses = model(**model.data_preprocessor(batch(), True), mode="loss")
    losses["labeled.decode.loss_ce"].backward()
    gradient = model.segmentor.decode_head.conv_seg[3].weight.grad
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("dilations", [(), (0, 6)])
def test_impossible_dilations_are_named(dilations):
    with pytest.raises(ValueError, match="dilations"):
        make_head(dilations=dilations)
