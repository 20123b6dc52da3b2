"""What a step reads of a head is what the network predicts; else it is refused."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from helpers import NUM_CLASSES, sample, tiny_segmentor
from mmengine.registry import init_default_scope
from mmseg.models.decode_heads import FCNHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from tiny_encoders import DINOV2

from mmseg_semisup.models import SegOutput
from mmseg_semisup.models.step.prediction import (
    Prediction,
    check_segmentor,
    prediction_of,
    probabilities,
    trained_with_sigmoid,
)

SIZE = (32, 32)
META = {"img_shape": SIZE, "ori_shape": SIZE, "pad_shape": SIZE}


class TwoMaps(FCNHead):
    """A head with a further map, whose order the tests choose by ``order``."""

    order = {True: ("other", "own"), False: ("own",)}

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.other_seg = torch.nn.Conv2d(self.channels, self.num_classes, 1)

    def forward(self, inputs):
        feats = self._forward_feature(inputs)
        maps = {
            "own": self.cls_seg(feats),
            "other": self.other_seg(feats),
            "scores": feats.mean(dim=(2, 3)),
        }
        output = [maps[name] for name in self.order[self.training]]
        return output if len(output) > 1 else output[0]

    def predict(self, inputs, metas, test_cfg):
        own = self.cls_seg(self._forward_feature(inputs))
        return self.predict_by_feat(own, metas)

    def loss_by_feat(self, seg_logits, samples):
        own = self.order[True].index("own")
        return super().loss_by_feat(seg_logits[own], samples)


def build(head=FCNHead, **changes):
    init_default_scope("mmseg")
    network = MODELS.build(tiny_segmentor(type=head, **changes))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return network


def ordered(training, evaluation):
    return type("Ordered", (TwoMaps,), {"order": {True: training, False: evaluation}})


@torch.no_grad()
def difference(network, images):
    """Largest difference between what a step reads and the network's prediction."""
    plain = copy.deepcopy(network).eval()
    expected = plain.encode_decode(images, [META] * len(images))
    return (SegOutput(network, images).full_logits - expected).abs().max().item()


@pytest.mark.parametrize(
    "order",
    [
        (("other", "own"), ("own",)),
        (("own", "other"), ("own",)),
        (("own",), ("other", "own")),
        (("scores", "other", "own"), ("own", "scores", "other")),
    ],
)
@pytest.mark.parametrize("mode", [True, False])
def test_the_predicted_map_is_read_wherever_it_is(order, mode):
    torch.manual_seed(0)
    network = build(ordered(*order))
    images = torch.randn(2, 3, *SIZE)
    check_segmentor(network)
    assert difference(network.train(mode), images) == 0
    assert difference(copy.deepcopy(network).eval(), images) == 0


def test_a_dictionary_of_maps():
    class Named(TwoMaps):
        def forward(self, inputs):
            other, own = super().forward(inputs)
            return {"early": other, "late": own}

    Named.order = {True: ("other", "own"), False: ("other", "own")}
    network = build(Named)
    assert prediction_of(network) == Prediction("late", "late")
    assert difference(network, torch.randn(2, 3, *SIZE)) == 0


def test_patches_of_an_encoder_fit_the_trial():
    pytest.importorskip("transformers")
    cfg = tiny_segmentor(type=ordered(("other", "own"), ("own",)), in_channels=16)
    cfg["backbone"] = dict(type="TransformersBackbone", arch=DINOV2)
    network = MODELS.build(cfg)
    assert prediction_of(network) == Prediction(1, None)


def test_a_segmentor_that_changes_its_prediction_is_refused():
    class Sharp(EncoderDecoder):
        def encode_decode(self, inputs, metas):
            return 2 * super().encode_decode(inputs, metas)

    init_default_scope("mmseg")
    network = MODELS.build({**tiny_segmentor(), "type": Sharp})
    with pytest.raises(ValueError, match="what FCNHead.forward .* no map equals"):
        check_segmentor(network)


def test_a_head_that_predicts_more_than_it_returns_is_refused():
    class Refined(FCNHead):
        def predict(self, inputs, metas, test_cfg):
            return super().predict(inputs, metas, test_cfg).softmax(dim=1)

    with pytest.raises(ValueError, match=r"Refined.forward .* no map.*docs/heads.md"):
        check_segmentor(build(Refined))


def test_a_head_whose_mode_changes_the_scale_is_refused():
    class Scaled(FCNHead):
        def forward(self, inputs):
            logits = super().forward(inputs)
            return logits if self.training else logits.softmax(dim=1)

    with pytest.raises(ValueError, match="Scaled.forward returns in training mode"):
        check_segmentor(build(Scaled))


def test_equal_maps_are_refused():
    network = build(ordered(("own", "other", "own"), ("own",)))
    with pytest.raises(ValueError, match=r"Ordered.forward .* maps \[0, 2\] all equal"):
        check_segmentor(network)


def test_a_head_that_needs_more_than_features_is_refused():
    class Points(TwoMaps):
        def forward(self, inputs, points):
            return super().forward(inputs)

    with pytest.raises(ValueError, match=r"Points.forward does not run on features"):
        check_segmentor(build(Points))


def test_maps_of_zeros_are_told_apart():
    network = build(TwoMaps)
    for head in (network.decode_head.conv_seg, network.decode_head.other_seg):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    assert prediction_of(network).training == 1


def test_maps_that_hardly_differ_are_told_apart():
    class Faded(TwoMaps):
        def _forward_feature(self, inputs):
            return 1e-6 * super()._forward_feature(inputs)

    network = build(Faded)
    network.decode_head.other_seg.load_state_dict(
        {
            name: value * (1 + 1e-6)
            for name, value in network.decode_head.conv_seg.state_dict().items()
        }
    )
    assert prediction_of(network).training == 1


def test_small_images_are_not_enough():
    class Wide(TwoMaps):
        def _forward_feature(self, inputs):
            assert min(inputs[-1].shape[-2:]) >= 49
            return super()._forward_feature(inputs)

    assert prediction_of(build(Wide)).training == 1


def test_an_encoder_that_never_runs_is_named():
    class Broken(TwoMaps):
        def predict(self, inputs, metas, test_cfg):
            raise RuntimeError("needs a licence")

    with pytest.raises(ValueError, match="Broken.*encode_decode.*needs a licence"):
        check_segmentor(build(Broken))


def test_the_search_changes_nothing():
    network = build(TwoMaps, dropout_ratio=0.5, norm_cfg={"type": "BN"})
    network.train()
    network.backbone.eval()
    modes = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    check_segmentor(network)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()
    assert [module.training for module in network.modules()] == modes
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in state.items())


def test_an_ordinary_head_costs_no_pass(monkeypatch):
    network = build()
    monkeypatch.setattr(FCNHead, "forward", lambda *_: pytest.fail("a pass"))
    check_segmentor(network)
    assert prediction_of(network) == Prediction()


def test_the_search_runs_once(monkeypatch):
    network = build(TwoMaps)
    check_segmentor(network)
    monkeypatch.setattr(TwoMaps, "forward", lambda *_: pytest.fail("a pass"))
    assert prediction_of(copy.deepcopy(network)).training == 1


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"num_classes=1: .* set num_classes=2"):
        check_segmentor(build(num_classes=1))
    with pytest.raises(ValueError, match=r"out_channels=1 .* set out_channels=2"):
        check_segmentor(build(num_classes=2, out_channels=1))


CE = {"type": "CrossEntropyLoss"}
BCE = {**CE, "use_sigmoid": True}
DICE = {"type": "DiceLoss", "loss_name": "loss_dice"}


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (CE, False),
        (BCE, True),
        ([CE, DICE], False),
        ([BCE, DICE], True),
        ([BCE, {**DICE, "use_sigmoid": False}], True),
        (DICE, True),
        ({**DICE, "use_sigmoid": False}, False),
        ([{"type": "PixelCrossEntropy"}, DICE], False),
        ([{"type": "OhemCrossEntropy"}], False),
        ([CE, BCE], False),
        ({"type": "FocalLoss"}, True),
    ],
)
def test_losses_say_how_logits_are_read(losses, expected):
    assert trained_with_sigmoid(build(loss_decode=losses)) is expected


@pytest.mark.parametrize("losses", [CE, BCE])
def test_probabilities(losses):
    torch.manual_seed(0)
    network = build(loss_decode=losses)
    output = SegOutput(network, torch.randn(2, 3, *SIZE))
    logits = output.full_logits
    expected = logits.exp() if losses is CE else 1 / (1 + (-logits).exp())
    expected = expected / expected.sum(dim=1, keepdim=True)
    torch.testing.assert_close(output.probs, expected)
    torch.testing.assert_close(output.class_logits.softmax(dim=1), expected)
    first = probabilities(network, logits[0], dim=0)
    torch.testing.assert_close(first, expected[0])
    if losses is CE:
        assert output.class_logits is logits


def test_loss_of_a_segmentor_with_its_own():
    class Doubled(EncoderDecoder):
        def _decode_head_forward_train(self, inputs, samples):
            losses = super()._decode_head_forward_train(inputs, samples)
            return {name: 2 * value for name, value in losses.items()}

    init_default_scope("mmseg")
    network = MODELS.build({**tiny_segmentor(), "type": Doubled})
    images = torch.randn(2, 3, *SIZE)
    labels = torch.randint(NUM_CLASSES, SIZE)
    samples = [sample(SIZE, labels), sample(SIZE, labels)]
    torch.testing.assert_close(
        SegOutput(network, images).supervised_loss(samples),
        network.loss(images, samples),
    )


def semi_segmentor(**parts):
    segmentor = tiny_segmentor(loss_decode=BCE)
    return MODELS.build({"type": "SemiSegmentor", "segmentor": segmentor, **parts})


def test_signal_maps_of_a_head_trained_with_sigmoids():
    init_default_scope("mmseg")
    torch.manual_seed(0)
    model = semi_segmentor(
        objectives={"consistency": {"type": "ConsistencyObjective", "threshold": 0.5}},
        teacher={"momentum": 0.9},
        test_cfg={"signal_maps": True},
    ).eval()
    (result,) = model.predict(torch.randn(1, 3, *SIZE))
    sigmoids = result.seg_logits.data.sigmoid()
    expected = (sigmoids / sigmoids.sum(dim=0)).amax(dim=0, keepdim=True)
    torch.testing.assert_close(result.confidence.data, expected)


def test_contrast_reads_the_confidence_of_sigmoids():
    init_default_scope("mmseg")
    torch.manual_seed(0)
    contrast = {"type": "ContextContrastObjective", "projector": {"channels": 6}}
    model = semi_segmentor(objectives={"contrast": contrast})
    output = SegOutput(model.segmentor, torch.randn(2, 3, *SIZE))
    found = model.objectives["contrast"].project(output).confidence
    sigmoids = output.logits.sigmoid()
    expected = (sigmoids / sigmoids.sum(dim=1, keepdim=True)).amax(dim=1).flatten(1)
    torch.testing.assert_close(found, expected)


def test_a_peer_that_cannot_be_read_is_refused():
    init_default_scope("mmseg")
    peer = {"type": "Peer", "segmentor": tiny_segmentor(num_classes=1)}
    with pytest.raises(ValueError, match="num_classes=1"):
        semi_segmentor(networks={"peer": peer})
