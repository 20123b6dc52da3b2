"""Latent classes as an objective: the paper's step, its state and its mistakes."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from helpers import (
    NUM_CLASSES,
    PREPROCESSOR,
    adversarial_objectives,
    batch,
    tiny_segmentor,
)
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from processes import in_two_processes

from mmseg_semisup.export.plain_model import plain_state

LATENT = 5
RATE = 0.25
OPTIMIZER = {
    "constructor": "JointOptimWrapperConstructor",
    "segmentor": {"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
}


def objective(**changes):
    return {
        "type": "LatentClassObjective",
        "head": {**tiny_segmentor(LATENT)["decode_head"]},
        "num_classes": NUM_CLASSES,
        "update_rate": RATE,
        "start": 0,
        **changes,
    }


def build(*objectives, double=True):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "objectives": list(objectives),
            "data_preprocessor": PREPROCESSOR,
        }
    )
    model.init_weights()
    model.train()
    return model.double() if double else model


def preprocess(model, data):
    data = model.data_preprocessor(data, True)
    dtype = next(model.parameters()).dtype
    data["inputs"] = {k: v.to(dtype) for k, v in data["inputs"].items()}
    return data


def probs_of(head, feats, size):
    return F.interpolate(head(feats), size, mode="bilinear").softmax(1)


def slow_step(model, data, before):
    """Section 3 of the paper, class by class; ``before`` is M of the last step."""
    network, latent_head = model.segmentor, model.objectives[0].latent_branch.head
    images = data["inputs"]
    labels = model.make_step(**data)["labeled"].labels
    size = labels.shape[-2:]
    feats = {b: network.extract_feat(images[b]) for b in ("labeled", "unlabeled")}
    latent = probs_of(latent_head, feats["labeled"], size)
    counts = torch.stack(
        [
            torch.stack([latent[:, k][labels == c].sum() for k in range(LATENT)])
            for c in range(NUM_CLASSES)
        ]
    )
    joint = counts / (labels != 255).sum()  # Eq. 2
    conditional = joint / joint.sum(0, keepdim=True)  # Eq. 3
    loss_latent = -(joint * conditional.log()).sum()  # Eq. 1
    average = (1 - RATE) * before + RATE * counts.detach()  # Eq. 8
    table = average / average.sum(1, keepdim=True)  # Eq. 9
    semantic = probs_of(network.decode_head, feats["unlabeled"], size)
    mapped = torch.einsum("cl,nchw->nlhw", table, semantic)  # Eq. 7
    target = probs_of(latent_head, feats["unlabeled"], size).detach()
    loss_cons = -(target * mapped.log()).sum(1).mean()  # Eq. 10
    return loss_latent, 0.1 * loss_cons, average


def test_two_steps_equal_the_papers():
    model = build(objective())
    average = torch.zeros(NUM_CLASSES, LATENT).double()
    for seed in range(2):
        data = preprocess(model, batch(seed=seed))
        losses = model.loss(**data)
        latent, consistency, average = slow_step(model, data, average)
        torch.testing.assert_close(losses["latent_class.loss"], latent)
        torch.testing.assert_close(losses["latent_class.loss_consistency"], consistency)
        torch.testing.assert_close(model.objectives[0].cooccurrence, average)
        for fast, slow in (
            (losses["latent_class.loss"], latent),
            (losses["latent_class.loss_consistency"], consistency),
        ):
            gradients = []
            for loss in (fast, slow):
                model.zero_grad()
                loss.backward(retain_graph=True)
                gradients.append(
                    {
                        n: p.grad
                        for n, p in model.named_parameters()
                        if p.grad is not None
                    }
                )
            assert gradients[0].keys() == gradients[1].keys()
            for name, value in gradients[0].items():
                torch.testing.assert_close(value, gradients[1][name], msg=name)


@pytest.mark.parametrize(
    ("to", "taught", "constant"),
    [
        (
            "semantic",
            "segmentor.decode_head.",
            "objectives.latent_class.latent_branch.",
        ),
        ("latent", "objectives.latent_class.latent_branch.", "segmentor.decode_head."),
    ],
)
def test_consistency_teaches_one_branch(to, taught, constant):
    model = build(objective(gradient_to=to))
    losses = model.loss(**preprocess(model, batch()))
    losses["latent_class.loss_consistency"].backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None}
    assert any(name.startswith(taught) for name in reached)
    assert not any(name.startswith(constant) for name in reached)


def test_consistency_waits_for_its_start_and_the_average_does_not():
    model = build(objective(start=1))
    data = preprocess(model, batch())
    first = model.loss(**data)
    assert "latent_class.loss_consistency" not in first
    assert model.objectives[0].cooccurrence.sum() > 0
    assert "latent_class.loss_consistency" in model.loss(**data)


def test_without_consistency_there_need_be_no_unlabelled_images():
    model = build(objective(consistency_weight=0.0))
    data = preprocess(model, batch())
    labeled = {k: {"labeled": v["labeled"]} for k, v in data.items()}
    assert "latent_class.loss" in model.loss(**labeled)


def test_groups_are_learned_with_cross_entropy():
    groups = {"a": [0], "b": [1, 3], "c": [2]}
    head = tiny_segmentor(3)["decode_head"]
    model = build(objective(head=head, groups=groups))
    data = preprocess(model, batch())
    loss = model.loss(**data)["latent_class.loss"]
    step = model.make_step(**data)
    logits = model.objectives[0].latent_logits(step, step["labeled"])
    labels = step["labeled"].labels
    wanted = labels.clone()
    for old, new in ((0, 0), (1, 1), (2, 2), (3, 1)):
        wanted[labels == old] = new
    expected = F.cross_entropy(logits, wanted, ignore_index=255)
    torch.testing.assert_close(loss, expected)


def test_number_of_latent_classes_in_use():
    model = build(objective())
    part = model.objectives[0]
    part.cooccurrence.zero_()
    part.cooccurrence[0] = torch.tensor([0.95, 0.05, 0, 0, 0])
    part.cooccurrence[2] = torch.tensor([0.0, 0.3, 0.7, 0, 0])
    used = part.used()
    # Classes 1 and 3 were never seen: their uniform rows use nothing.
    assert used["used@0.1"] == 3
    assert used["used@0.9"] == 1


def test_an_all_ignored_batch_is_finite_and_leaves_the_table_uniform():
    model = build(objective())
    data = batch()
    for sample in data["data_samples"]["labeled"]:
        sample.gt_sem_seg.data[:] = 255
    losses = model.loss(**preprocess(model, data))
    total = sum(v for k, v in losses.items() if "loss" in k)
    total.backward()
    assert losses["latent_class.loss"] == 0
    assert torch.isfinite(total)
    assert all(
        torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad
    )
    assert (model.objectives[0].table() == 1 / LATENT).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"update_rate": 0.0}, "update_rate=0.0"),
        ({"gradient_to": "both"}, "gradient_to='both'"),
        ({"num_classes": 3}, "num_classes of the segmentor's FCNHead is 4"),
        ({"groups": {"a": [0, 1], "b": [2]}}, "2 groups"),
        (
            {"groups": {"a": [0], "b": [1], "c": [2], "d": [], "e": []}},
            r"classes \[3\] are in no group",
        ),
        (
            {"groups": {"a": [0], "b": [0], "c": [1], "d": [2], "e": [3]}},
            "class 0 of the group 'b'",
        ),
        (
            {"groups": {"a": [4], "b": [0], "c": [1], "d": [2], "e": [3]}},
            "class 4 of the group 'a'",
        ),
    ],
)
def test_mistakes_are_named_before_training(changes, words):
    with pytest.raises(ValueError, match=words):
        build(objective(**changes))


def test_more_latent_classes_than_pixels_is_a_mistake():
    model = build(objective(head=tiny_segmentor(40)["decode_head"]))
    with pytest.raises(ValueError, match="40 latent classes.* 32 pixels"):
        model.loss(**preprocess(model, batch(size=4)))


def test_resume_in_the_middle_of_the_average():
    model = build(objective(), *adversarial_objectives()[:1], double=False)
    optimizers = {**OPTIMIZER, "discriminator": {"optimizer": {"type": "Adam"}}}
    init_default_scope("mmseg")
    wrapper = build_optim_wrapper(model, optimizers)
    for seed in range(2):
        model.train_step(batch(seed=seed), wrapper)
    other = build(objective(), *adversarial_objectives()[:1], double=False)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    further = build_optim_wrapper(other, optimizers)
    further.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    for seed in range(2, 4):
        model.train_step(batch(seed=seed), wrapper)
        other.train_step(batch(seed=seed), further)
    state = other.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), name


def split(data, rank):
    return {
        key: {branch: value[rank::2] for branch, value in branches.items()}
        for key, branches in data.items()
    }


def train(model, wrapped, wrapper, batches):
    for data in batches:
        wrapped.train_step(data, wrapper)
    return model.state_dict()


def train_part(rank):
    model = build(objective(), double=False)
    wrapped = MMDistributedDataParallel(model, broadcast_buffers=False)
    wrapper = build_optim_wrapper(wrapped, OPTIMIZER)
    batches = [split(batch(labeled=4, unlabeled=4, seed=s), rank) for s in range(3)]
    return train(model, wrapped, wrapper, batches)


def test_two_processes_equal_one():
    model = build(objective(), double=False)
    wrapper = build_optim_wrapper(model, OPTIMIZER)
    batches = [batch(labeled=4, unlabeled=4, seed=s) for s in range(3)]
    alone = train(model, model, wrapper, batches)
    states = in_two_processes(train_part)
    for name, value in alone.items():
        assert torch.equal(states[0][name], states[1][name]), name
        torch.testing.assert_close(states[0][name], value, atol=2e-6, rtol=2e-5)


def test_bfloat16_stays_close_to_float32():
    figures = []
    for precision in ("float32", "bfloat16"):
        model = build(objective(), double=False)
        init_default_scope("mmseg")
        wrapper = build_optim_wrapper(model, {**OPTIMIZER, "precision": precision})
        for seed in range(3):
            losses = model.train_step(batch(seed=seed), wrapper)
        figures.append(losses)
    assert figures[1]["latent_class.loss"].dtype == torch.float32
    for name in ("latent_class.loss", "latent_class.loss_consistency"):
        assert figures[1][name].item() == pytest.approx(
            figures[0][name].item(), rel=0.02
        )


def test_exported_state_has_no_latent_branch():
    model = build(objective())
    plain = plain_state(model.state_dict(), "student")
    assert set(plain) == set(model.segmentor.state_dict())
