"""Networks share a frozen backbone, which runs once a view and is never trained."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from tiny_encoders import DINOV2

from mmseg_semisup.benchmark.floor import networks_of
from mmseg_semisup.engine.optim import JointOptimWrapperConstructor
from mmseg_semisup.models import teacher as teacher_module
from mmseg_semisup.models.frozen_backbone import copy_network, frozen_backbone
from mmseg_semisup.models.step import joint_pass

pytest.importorskip("transformers")
VIEWS = ("unlabeled", "unlabeled_strong", "unlabeled_strong_2")
UNIMATCH = {
    "type": "UniMatchObjective",
    "threshold": 0.0,
    "strong": VIEWS[1:],
    "perturb": {"type": "ComplementaryDropout"},
}
# The weak view is judged by the teacher and learnt by the student.
SAME_VIEW = {
    "type": "ConsistencyObjective",
    "threshold": 0.0,
    "teacher_branch": "unlabeled",
    "student_branch": "unlabeled",
    "mix": "none",
}
JOINT = {**UNIMATCH, "joint": ["labeled"]}


def segmentor(frozen=True):
    cfg = tiny_segmentor(in_channels=16, in_index=3)
    cfg["backbone"] = dict(type="TransformersBackbone", arch=DINOV2, frozen=frozen)
    return cfg


def model(*objectives, frozen=True, **changes):
    torch.manual_seed(0)
    named = {f"part_{i}": value for i, value in enumerate(objectives)}
    cfg = dict(
        type="SemiSegmentor",
        data_preprocessor=PREPROCESSOR,
        segmentor=segmentor(frozen),
        teacher=dict(momentum=0.9),
        objectives=named,
        **changes,
    )
    return MODELS.build(cfg).train()


def losses_of(built):
    torch.manual_seed(1)
    data = built.data_preprocessor(batch(size=42, views=VIEWS), True)
    return built(**data, mode="loss")


def backward(losses):
    sum(value for name, value in losses.items() if "loss" in name).backward()


@pytest.mark.parametrize(
    "objectives", [[UNIMATCH], [SAME_VIEW], [JOINT], [SAME_VIEW, UNIMATCH]]
)
def test_losses_and_gradients_are_those_without_sharing(objectives, monkeypatch):
    shared = model(*objectives)
    backward(losses := losses_of(shared))
    monkeypatch.setattr(joint_pass, "frozen_backbone", lambda network: None)
    monkeypatch.setattr(teacher_module, "copy_network", copy.deepcopy)
    alone = model(*objectives)
    assert alone.teacher.network.backbone is not alone.segmentor.backbone
    backward(expected := losses_of(alone))
    assert set(losses) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    pairs = zip(
        shared.segmentor.parameters(), alone.segmentor.parameters(), strict=True
    )
    for one, other in pairs:
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize(
    ("objectives", "calls"),
    [
        # Labelled images, the weak view, and two mixed views in one pass.
        ([UNIMATCH], [2, 2, 4]),
        ([SAME_VIEW], [2, 2]),
        ([JOINT], [2, 6]),
    ],
)
def test_the_backbone_runs_once_on_a_view(objectives, calls):
    built = model(*objectives)
    seen = []
    built.segmentor.backbone.register_forward_pre_hook(
        lambda _, x: seen.append((len(x[0]), torch.is_grad_enabled()))
    )
    losses_of(built)
    assert sorted(n for n, _ in seen) == calls
    assert not any(grad for _, grad in seen)


def test_one_object_is_shared_by_all_copies():
    networks = dict(
        mean=dict(type="Average", momentum=0.5),
        old=dict(type="Snapshot", interval=1),
        copy=dict(type="Peer", init="copy"),
        new=dict(type="Peer", init="new"),
    )
    built = model(networks=networks)
    backbone = built.segmentor.backbone
    for name in ("teacher", "mean", "old", "copy"):
        assert built.network(name).backbone is backbone
        assert built.network(name).decode_head is not built.segmentor.decode_head
    # Another initialisation has other random weights.
    assert built.network("new").backbone is not backbone
    trained = model(frozen=False)
    assert trained.teacher.network.backbone is not trained.segmentor.backbone


def train(built, steps=2):
    wrapper = JointOptimWrapperConstructor(
        dict(segmentor=dict(optimizer=dict(type="AdamW", lr=1e-2, weight_decay=0.1)))
    )(built)
    for _ in range(steps):
        backward(losses_of(built))
        wrapper.step()
        wrapper.zero_grad()
        built.follow()
    return wrapper


def test_training_moves_the_heads_only_and_has_no_state_of_the_backbone():
    built = model(UNIMATCH)
    before = copy.deepcopy(built.state_dict())
    optimizer = train(built)["segmentor"].optimizer
    heads = {id(p) for p in built.segmentor.decode_head.parameters()}
    assert {id(p) for p in optimizer.state} == heads
    changed = {
        k for k, v in built.state_dict().items() if not torch.equal(v, before[k])
    }
    parts = {".".join(name.split(".")[:3]) for name in changed}
    assert {p for p in parts if "backbone" in p} == set()
    assert any(p.startswith("teacher.network.decode_head") for p in parts)


def test_the_average_is_that_of_a_teacher_of_its_own(monkeypatch):
    shared = model(UNIMATCH)
    train(shared)
    monkeypatch.setattr(teacher_module, "copy_network", copy.deepcopy)
    alone = model(UNIMATCH)
    train(alone)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value)


def test_a_checkpoint_restores_both_networks():
    one, other = model(UNIMATCH), model(UNIMATCH)
    train(one)
    other.load_state_dict(one.state_dict())
    assert other.teacher.network.backbone is other.segmentor.backbone
    assert torch.equal(
        other.teacher.network.decode_head.conv_seg.weight,
        one.teacher.network.decode_head.conv_seg.weight,
    )


def test_the_benchmark_counts_a_shared_backbone_once():
    names = networks_of(model(UNIMATCH))
    assert {n for n in names if "backbone" in n} == {"student.backbone"}
    assert {"student.decode_head", "teacher.decode_head"} <= set(names)


def test_other_backbones_are_copied():
    network = MODELS.build(tiny_segmentor())
    assert frozen_backbone(network) is None
    assert copy_network(network).backbone is not network.backbone
