"""Which pixels of a judgement count."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.models.policies import (
    ConfidenceThreshold,
    ConfidentShare,
    MeanConfidence,
    Select,
)

VIEWS = ("unlabeled", "unlabeled_strong")


@MODELS.register_module()
class SoftConfidence(Select):
    """Every valid pixel counts by its confidence."""

    def forward(self, judgement, step):
        return judgement.confidence * judgement.valid


@MODELS.register_module()
class OneWeightAnImage(Select):
    def forward(self, judgement, step):
        return judgement.confidence.mean(dim=(1, 2))


def build(*objectives):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "teacher": {"momentum": 0.9},
            "objectives": dict(objectives),
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()
    torch.nn.init.normal_(model.teacher.network.decode_head.conv_seg.weight)
    data = model.data_preprocessor(batch(size=16, views=VIEWS), True)
    return model, model.make_step(**data)


def consistency(**changes):
    return {"type": "ConsistencyObjective", "mix": "none", **changes}


def test_soft_weights_enter_the_mean_over_valid_pixels():
    model, step = build(("soft", consistency(select={"type": "SoftConfidence"})))
    loss = model.objectives["soft"](step)["loss"]
    probs = step.teacher(step["unlabeled"]).probs
    logits = step.student(step["unlabeled_strong"]).full_logits.double()
    pixels = F.cross_entropy(logits, probs.argmax(1), reduction="none")
    slow = (pixels * probs.amax(1)).mean()
    torch.testing.assert_close(loss.double(), slow)
    parameters = list(model.segmentor.parameters())
    fast = torch.autograd.grad(loss, parameters, retain_graph=True)
    torch.testing.assert_close(fast, torch.autograd.grad(slow, parameters))


def test_an_objective_takes_the_selection_of_another():
    model, step = build(
        ("first", consistency(threshold=0.4)),
        ("second", consistency(threshold=0.0, select="first")),
    )
    first = model.objectives["first"](step)
    second = model.objectives["second"](step)
    assert first["selected"] == second["selected"]
    assert 0 < first["selected"] < 1
    torch.testing.assert_close(first["loss"], second["loss"])


def test_the_objective_that_shares_must_run_first():
    model, step = build(("second", consistency(select="first")))
    with pytest.raises(ValueError, match=r"publishes 'first\.selection'"):
        model.objectives["second"](step)


def test_weights_of_another_shape_are_named():
    model, step = build(("odd", consistency(select={"type": "OneWeightAnImage"})))
    with pytest.raises(ValueError, match=r"OneWeightAnImage gave weights \(2,\)"):
        model.objectives["odd"](step)


def test_thresholds_are_probabilities():
    with pytest.raises(ValueError, match=r"threshold=1\.5; allowed: 0 to 1"):
        ConfidenceThreshold(1.5)


def test_the_share_of_confident_pixels_is_the_weight_of_all():
    share = {"type": "ConfidentShare", "threshold": 0.4}
    model, step = build(("share", consistency(select=share)))
    found = model.objectives["share"](step)
    probs = step.teacher(step["unlabeled"]).probs
    expected = (probs.amax(1) >= 0.4).float().mean()
    assert 0 < expected < 1
    torch.testing.assert_close(found["selected"], expected)
    logits = step.student(step["unlabeled_strong"]).full_logits
    slow = expected * F.cross_entropy(logits, probs.argmax(1))
    torch.testing.assert_close(found["loss"], slow)
    selection = step.signal("share.selection")
    torch.testing.assert_close(selection.unique(), expected[None])


@pytest.mark.parametrize("valid", [True, False])
def test_pixels_that_are_not_valid_are_in_no_share(valid):
    confidence = torch.tensor([[[0.9, 0.5, 0.0]]])
    shown = torch.tensor([[[valid, valid, False]]])
    weights = ConfidentShare(0.0).finish(confidence, shown)
    assert weights.tolist() == [[[float(valid), float(valid), 0.0]]]
    half = ConfidentShare(0.6).finish(confidence, shown)
    assert half.tolist() == [[[0.5 * valid, 0.5 * valid, 0.0]]]


def test_shares_have_a_threshold_that_is_a_probability():
    with pytest.raises(ValueError, match=r"ConfidentShare: threshold=-1; allowed"):
        ConfidentShare(-1)


def test_each_image_has_the_mean_of_its_valid_pixels():
    confidence = torch.tensor([[[0.2, 0.4, 0.9]], [[0.5, 0.7, 0.3]], [[0.8, 0.8, 0.8]]])
    valid = torch.tensor([[[1, 1, 0]], [[1, 1, 1]], [[0, 0, 0]]]).bool()
    weights = MeanConfidence().finish(confidence, valid)
    expected = torch.tensor([[[0.3, 0.3, 0]], [[0.5, 0.5, 0.5]], [[0, 0, 0.0]]])
    torch.testing.assert_close(weights, expected)
