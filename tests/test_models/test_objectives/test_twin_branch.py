"""Two equal branches, each with an adversary."""

from __future__ import annotations

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
from mmseg.registry import MODELS

from mmseg_semisup.models.losses import symmetric_kl


def build(*further, num_classes=NUM_CLASSES):
    torch.manual_seed(0)
    twin = {
        "type": "TwinBranchObjective",
        "head": tiny_segmentor(num_classes)["decode_head"],
        "start": 1,
    }
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "objectives": [twin, *further],
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()


def test_losses_equal_the_papers():
    model = build()
    data = model.data_preprocessor(batch(), True)
    assert "twin_branch.loss_consistency" not in model.loss(**data)
    losses = model.loss(**data)
    step, twin = model.make_step(**data), model.objectives[0].twin_branch
    logits = twin.full_logits(step.student(step["labeled"]))
    expected = F.cross_entropy(logits, step["labeled"].labels, ignore_index=255)
    torch.testing.assert_close(losses["twin_branch.loss"], expected)
    kl = symmetric_kl(
        step.student(step["unlabeled"]).full_logits,
        twin.full_logits(step.student(step["unlabeled"])),
        step["unlabeled"].valid,
    )
    torch.testing.assert_close(losses["twin_branch.loss_consistency"], 0.1 * kl)


def test_an_adversary_for_each_branch():
    adversary = adversarial_objectives()[0]
    model = build(adversary, {**adversary, "predictions": "twin"})
    losses = model.loss(**model.data_preprocessor(batch(), True))
    losses["adversarial_2.loss_labeled"].backward(retain_graph=True)
    reached = {n for n, p in model.named_parameters() if p.grad is not None}
    assert any(
        name.startswith("objectives.twin_branch.twin_branch") for name in reached
    )
    assert not any(name.startswith("segmentor.decode_head") for name in reached)
    assert not any("discriminator" in name for name in reached)
    losses["adversarial_2.discriminator.loss"].backward()
    assert model.objectives[2].discriminator.state_dict().keys()
    assert all(
        p.grad is not None for p in model.objectives[2].discriminator.parameters()
    )
    assert all(p.grad is None for p in model.objectives[1].discriminator.parameters())


def test_two_objectives_of_a_type_have_names_of_their_own():
    adversary = adversarial_objectives()[0]
    model = build(adversary, adversary)
    losses = model.loss(**model.data_preprocessor(batch(), True))
    for name in ("adversarial", "adversarial_2"):
        assert f"{name}.discriminator.loss" in losses


def test_other_classes_are_refused():
    with pytest.raises(ValueError, match="head.num_classes=3"):
        build(num_classes=3)
