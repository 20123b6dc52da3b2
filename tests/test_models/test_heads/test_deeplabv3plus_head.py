"""The full decoder of DeepLabv3+ against its layers written out, and its size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_semisup.models import DeepLabV3PlusHead, SegOutput

ROOT = Path(__file__).parents[3] / "configs/_base_/models"
GN = dict(type="GN", num_groups=2)


def small(**changes):
    return {
        "type": "DeepLabV3PlusHead",
        "in_channels": 16,
        "in_index": 1,
        "num_classes": NUM_CLASSES,
        "channels": 8,
        "dilations": (1, 2, 3),
        "c1_in_channels": 8,
        "c1_channels": 4,
        "norm_cfg": GN,
        **changes,
    }


def make_head(**changes):
    torch.manual_seed(0)
    cfg = small(**changes)
    cfg.pop("type")
    head = DeepLabV3PlusHead(**cfg)
    head.init_weights()
    return head


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_number_of_parameters():
    """Of Lai et al.'s layers, one by one; MMSegmentation's head is a third as large."""
    cfg = Config.fromfile(ROOT / "deeplabv3plus_r50-d16_lai.py").model.decode_head
    theirs = MODELS.build(cfg)

    def conv(inputs, outputs, size):
        return inputs * outputs * size * size + 2 * outputs  # and the norm's

    pyramid = 2 * conv(2048, 256, 1) + 3 * conv(2048, 256, 3) + conv(5 * 256, 256, 1)
    decoder = conv(256, 48, 1) + conv(304, 256, 3) + conv(256, 256, 3)
    assert count(theirs) == pyramid + decoder + 256 * 21 + 21 == 16_844_149
    other = Config.fromfile(ROOT / "deeplabv3plus_r50-d16.py").model.decode_head
    assert count(MODELS.build(other)) == pytest.approx(5.8e6, rel=0.02)


def slow_forward(head, first, last):
    """The layers of Lai et al.'s ASPP and Decoder, without dropout, in float64."""

    def layer(block, x, dilation=1):
        convolution, norm = block[0], block[1]
        weight = convolution.weight
        x = F.conv2d(x, weight, None, 1, dilation * (weight.shape[2] // 2), dilation)
        return F.group_norm(x, 2, norm.weight, norm.bias, norm.eps).clamp(min=0)

    parts = [layer(b, last, d) for b, d in zip(head.branches, (1, 2, 3), strict=True)]
    image = layer(head.image[1:3], last.mean((2, 3), keepdim=True))
    parts.append(F.interpolate(image, last.shape[2:], mode="bilinear"))
    x = layer(head.pyramid[:2], torch.cat(parts, 1))
    c1 = layer(head.c1, first)
    x = F.interpolate(x, c1.shape[2:], mode="bilinear", align_corners=True)
    x = layer(head.decoder[:2], torch.cat([x, c1], 1))
    x = layer(head.decoder[4:6], x)
    return x, F.conv2d(x, head.conv_seg[1].weight, head.conv_seg[1].bias)


def test_equals_its_layers_with_gradients():
    head = make_head(dropout_ratios=(0, 0, 0)).double()
    first = torch.randn(2, 8, 12, 14, dtype=torch.float64, requires_grad=True)
    last = torch.randn(2, 16, 6, 7, dtype=torch.float64, requires_grad=True)
    inputs = (first, last, *head.parameters())
    found, expected = head([first, last]), slow_forward(head, first, last)[1]
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(found)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, upstream),
        torch.autograd.grad(expected, inputs, upstream),
    )


def test_embedding_is_in_front_of_the_classifiers_dropout():
    segmentor = tiny_segmentor()
    segmentor["decode_head"] = small(dropout_ratios=(0, 0, 0.5))
    network = MODELS.build(segmentor).double().train()
    output = SegOutput(network, torch.randn(2, 3, 32, 32, dtype=torch.float64))
    first, last = output.feats
    embedding, logits = slow_forward(network.decode_head, first, last)
    torch.testing.assert_close(output.embedding, embedding)
    assert (output.logits - logits).abs().max() > 0.01
    torch.testing.assert_close(network.eval().decode_head((first, last)), logits)


@pytest.mark.parametrize("place", range(3))
def test_each_ratio_drops_single_features_in_its_place(place):
    ratios = [0.0] * 3
    ratios[place] = 0.5
    head = make_head(dropout_ratios=ratios).train()
    dropouts = (head.pyramid[3], head.decoder[3], head.conv_seg[0])
    dropped = []
    for dropout in dropouts:
        dropout.register_forward_hook(lambda m, i, o: dropped.append((i[0], o)))
    head([torch.randn(2, 8, 12, 14), torch.randn(2, 16, 6, 7)])
    for i, (before, after) in enumerate(dropped):
        alive = before > 0
        share = (after[alive] == 0).float().mean()
        assert share == pytest.approx(0.5 if i == place else 0, abs=0.1)
    per_map = (dropped[place][1] == 0).float().mean((2, 3))
    assert (per_map < 1).any()


def test_initialisation_is_kaiming_by_the_inputs():
    head = make_head(in_channels=256, channels=64, dilations=(1, 6))
    for convolution in (m for m in head.modules() if isinstance(m, torch.nn.Conv2d)):
        weight = convolution.weight
        expected = (2 / weight[0].numel()) ** 0.5
        assert weight.std().item() == pytest.approx(expected, rel=0.15)


def test_trains_with_the_contrast():
    segmentor = tiny_segmentor()
    segmentor["decode_head"] = small()
    objective = dict(type="ContextContrastObjective", projector=dict(channels=6))
    model = MODELS.build(
        dict(
            type="SemiSegmentor",
            segmentor=segmentor,
            objectives=dict(context_contrast=objective),
            data_preprocessor=PREPROCESSOR,
        )
    ).train()
    assert model.objectives.context_contrast.in_channels == 8
    views = ("unlabeled", "unlabeled_second")
    data = model.data_preprocessor(batch(views=views), True)
    total, _ = model.parse_losses(model(**data, mode="loss"))
    total.backward()
    assert all(p.grad is not None for p in model.segmentor.decode_head.parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dilations": ()}, r"dilations=\(\)"),
        ({"dilations": (0, 6)}, r"dilations=\(0, 6\)"),
        ({"dropout_ratios": (0.5, 0.1)}, "three in 0"),
        ({"dropout_ratios": (0.5, 0.5, 1.5)}, "three in 0"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make_head(**changes)
