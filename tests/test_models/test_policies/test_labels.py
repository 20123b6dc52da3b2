"""Who labels images without masks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.models.policies import Judgement, NetworkLabels
from mmseg_semisup.models.policies.labels import build_source

VIEWS = ("unlabeled", "unlabeled_strong")


def make_step(flipped=False):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "teacher": {"momentum": 0.9},
            "networks": {"slow": {"type": "Average", "momentum": 0.5}},
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()
    for network in (model.teacher.network, model.networks["slow"].network):
        torch.nn.init.normal_(network.decode_head.conv_seg.weight)
    data = model.data_preprocessor(batch(size=16, views=VIEWS), True)
    if flipped:
        flip = torch.tensor([[-1.0, 0, 15], [0, 1, 0], [0, 0, 1]]).double()
        for sample in data["data_samples"]["unlabeled_strong"]:
            sample.set_metainfo({"homography": flip.clone()})
    return model.make_step(**data)


def test_labels_and_confidence_follow_the_geometry():
    step = make_step(flipped=True)
    weak, strong = (step[name] for name in VIEWS)
    judgement = build_source("teacher").judge(step, weak, strong)
    probs = step.teacher(weak).probs
    assert torch.equal(judgement.labels, probs.argmax(1).flip(-1))
    torch.testing.assert_close(judgement.confidence, probs.amax(1).flip(-1))
    entropy = judgement.measure(lambda p: -(p * p.log()).sum(1))
    torch.testing.assert_close(entropy, -(probs * probs.log()).sum(1).flip(-1))
    assert judgement.valid.all()


def test_pixels_that_were_not_seen_are_not_valid():
    step = make_step(flipped=True)
    for sample in step["unlabeled"].samples:
        sample.set_metainfo({"img_shape": (16, 10)})
    weak, strong = (step[name] for name in VIEWS)
    judgement = build_source("teacher").judge(step, weak, strong)
    assert judgement.valid[..., 6:].all()
    assert not judgement.valid[..., :6].any()


def test_a_judgement_is_shared_by_all_who_ask():
    step = make_step()
    weak, strong = (step[name] for name in VIEWS)
    one = build_source("teacher").judge(step, weak, strong)
    assert build_source({"type": "NetworkLabels"}).judge(step, weak, strong) is one
    assert build_source("student").judge(step, weak, strong) is not one


def test_the_student_may_judge_in_evaluation_mode():
    step = make_step()
    source = NetworkLabels("student", evaluation=True)
    assert not source(step, step["unlabeled"]).probs.requires_grad
    assert source.networks == ("student",)


def test_labels_of_another_shape_are_named():
    step = make_step()
    weak, strong = (step[name] for name in VIEWS)
    output = SimpleNamespace(labels=torch.zeros(2, 8, 8, dtype=torch.long))
    message = r"labels \(2, 8, 8\) of torch.int64 for the view 'unlabeled'"
    with pytest.raises(ValueError, match=message):
        _ = Judgement(output, weak, strong).labels
