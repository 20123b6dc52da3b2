"""Passes over several views, and features that are decoded again."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from torch import nn

from mmseg_semisup.models.policies import ChannelDropout, ComplementaryDropout
from mmseg_semisup.models.step.joint_pass import decode_again, perturbed, run_jointly
from mmseg_semisup.models.step.seg_output import SegOutput
from mmseg_semisup.models.step.view import View

BN = {"type": "BN", "requires_grad": True}


def with_batch_norm(cascade=False, neck=False):
    cfg = tiny_segmentor(norm_cfg=BN)
    cfg["backbone"]["norm_cfg"] = BN
    if neck:
        cfg["neck"] = {"type": "FPN", "in_channels": [8, 16], "out_channels": 16}
        cfg["neck"]["num_outs"] = 2
    if cascade:
        head = cfg["decode_head"]
        ocr = {**head, "type": "OCRHead", "ocr_channels": 4}
        ocr.pop("num_convs")
        cfg.update(type="CascadeEncoderDecoder", num_stages=2, decode_head=[head, ocr])
    torch.manual_seed(0)
    return MODELS.build(cfg).train()


def view(name, count, size=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return View(name, torch.randn(count, 3, size, size, generator=generator))


def test_batch_norm_sees_the_views_of_a_joint_pass_as_one_batch():
    network = with_batch_norm()
    first, second = view("first", 2), view("second", 3, seed=1)
    reference = copy.deepcopy(network)
    whole = SegOutput(reference, torch.cat([first.images, second.images]))
    parts = run_jointly(network, [first, second], grad=True)
    for name in ("logits", "full_logits", "embedding", "probs", "labels"):
        joined = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(joined, getattr(whole, name)), name
    assert [len(part.feats[0]) for part in parts] == [2, 3]
    mean = network.backbone.bn1.running_mean
    assert torch.equal(mean, reference.backbone.bn1.running_mean)
    alone = SegOutput(copy.deepcopy(with_batch_norm()), first.images).logits
    assert not torch.allclose(parts[0].logits, alone)


def test_gradients_of_a_joint_pass_are_those_of_one_batch():
    network, images = with_batch_norm(), view("first", 4).images
    first, second = View("first", images[:1]), View("second", images[1:])
    outputs = run_jointly(network, [first, second], grad=True)
    (outputs[0].probs[:, 0].sum() + outputs[1].probs[:, 1].sum()).backward()
    found = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    reference = with_batch_norm()
    probs = SegOutput(reference, images).probs
    (probs[:1, 0].sum() + probs[1:, 1].sum()).backward()
    slow = [p.grad for p in reference.parameters() if p.grad is not None]
    torch.testing.assert_close(found, slow)


def test_views_of_different_sizes_are_named():
    views = [view("labeled", 1, 32), view("unlabeled_strong", 1, 48)]
    message = r"'labeled': \(32, 32\), 'unlabeled_strong': \(48, 48\).*crop size"
    with pytest.raises(ValueError, match=message):
        run_jointly(with_batch_norm(), views, grad=True)


@pytest.mark.parametrize("options", [{}, {"neck": True}, {"cascade": True}])
def test_features_are_decoded_again_without_the_backbone(options):
    network = with_batch_norm(**options)
    calls = []
    network.backbone.register_forward_hook(lambda *_: calls.append(1))
    output = SegOutput(network, view("weak", 2).images)
    clean = output.full_logits
    halved = perturbed(output, lambda feats: [feat * 0.5 for feat in feats])
    assert len(calls) == 1
    reference = with_batch_norm(**options)
    feats = [feat * 0.5 for feat in reference.backbone(view("weak", 2).images)]
    feats = reference.neck(feats) if reference.with_neck else feats
    stages = reference.decode_head
    logits = None
    for head in stages if isinstance(stages, nn.ModuleList) else [stages]:
        logits = head.forward(feats, *([] if logits is None else [logits]))
    torch.testing.assert_close(halved.logits, logits)
    assert halved.full_logits.shape == clean.shape
    assert not torch.allclose(halved.full_logits, clean)
    halved.probs[:, 0].sum().backward()
    assert network.backbone.conv1.weight.grad.any()


def test_clean_and_perturbed_features_are_decoded_as_one_batch():
    """UniMatch V1: batch normalisation of the head sees both."""
    network = with_batch_norm()
    output = SegOutput(network, view("weak", 2).images)
    clean, zeroed = decode_again(
        [(output, None), (output, lambda x: [f * 0 for f in x])]
    )
    reference = with_batch_norm()
    feats = reference.backbone(view("weak", 2).images)
    both = [torch.cat([feat, feat * 0]) for feat in feats]
    logits = reference.decode_head.forward(both)
    torch.testing.assert_close(clean.logits, logits[:2])
    torch.testing.assert_close(zeroed.logits, logits[2:])


def test_features_of_two_views_are_perturbed_in_one_decoding():
    """UniMatch V2: complementary masks of two views of one joint pass."""
    network = with_batch_norm()
    outputs = run_jointly(network, [view("a", 2), view("b", 2, seed=1)], grad=True)
    mask = torch.tensor([0.0, 2.0] * 8)[:, None, None]

    def first(feats):
        return [feat * mask[: feat.shape[1]] for feat in feats]

    def second(feats):
        return [feat * (2 - mask[: feat.shape[1]]) for feat in feats]

    again = decode_again([(outputs[0], first), (outputs[1], second)])
    reference = with_batch_norm()
    images = torch.cat([view("a", 2).images, view("b", 2, seed=1).images])
    feats = reference.backbone(images)
    masked = [
        torch.cat([first([feat[:2]])[0], second([feat[2:]])[0]]) for feat in feats
    ]
    logits = reference.decode_head.forward(masked)
    torch.testing.assert_close(torch.cat([x.logits for x in again]), logits)


def test_a_function_that_changes_shapes_is_named():
    output = SegOutput(with_batch_norm(), view("weak", 2).images)

    def shrink(feats):
        return [feat[..., ::2] for feat in feats]

    with pytest.raises(ValueError, match="shrink turned features of shapes"):
        perturbed(output, shrink)


@pytest.mark.parametrize(
    "features",
    [torch.ones(2, 8), [torch.ones(2, 5, 8)], [[torch.ones(2, 8, 4, 4), None]]],
    ids=["no list", "tokens", "maps with class tokens"],
)
def test_features_without_channels_are_refused(features):
    output = SegOutput(with_batch_norm(), view("weak", 2).images)
    output.__dict__["backbone_feats"] = features
    for policy in (ChannelDropout(), ComplementaryDropout()):
        function = policy.functions(2)[0]
        with pytest.raises(ValueError, match=r"ResNet does not return a list of maps"):
            perturbed(output, function)


def test_outputs_of_two_networks_are_refused():
    outputs = [SegOutput(with_batch_norm(), view("a", 2).images) for _ in range(2)]
    with pytest.raises(ValueError, match="several networks"):
        decode_again([(output, None) for output in outputs])


@pytest.mark.parametrize("joint", [(), ("labeled",), ("labeled", "unlabeled_strong")])
def test_an_objective_states_which_views_share_a_pass(joint):
    """Once a step each; the supervised loss reads the shared pass."""
    segmentor = tiny_segmentor(norm_cfg=BN)
    segmentor["backbone"]["norm_cfg"] = BN
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "teacher": {"momentum": 0.9},
            "data_preprocessor": PREPROCESSOR,
            "objectives": {
                "consistency": {
                    "type": "ConsistencyObjective",
                    "threshold": 0.0,
                    "joint": joint,
                }
            },
        }
    ).train()
    sizes = []
    backbone = model.segmentor.backbone
    backbone.register_forward_hook(lambda m, args, out: sizes.append(len(args[0])))
    raw = batch(3, 2, views=("unlabeled", "unlabeled_strong"))
    losses = model.loss(**model.data_preprocessor(raw, True))
    assert sizes == ([5] if joint else [3, 2])
    assert next(iter(losses)).startswith("labeled.decode")
    assert losses["consistency.loss"] > 0


def test_channel_dropout_drops_whole_channels():
    torch.manual_seed(0)
    dropout = ChannelDropout(0.5)
    (dropped,) = dropout([torch.ones(4, 64, 3, 3)])
    per_channel = dropped.flatten(2)
    assert (per_channel == per_channel[..., :1]).all()
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(
        dropout.eval()([torch.ones(1, 4, 2, 2)])[0], torch.ones(1, 4, 2, 2)
    )
    with pytest.raises(ValueError, match="probability=1"):
        ChannelDropout(1.0)
