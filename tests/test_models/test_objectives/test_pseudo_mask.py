"""Task 2 of three-stage self-training against a slow loop, and who learns from it."""

from __future__ import annotations

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, batch, sample, tiny_segmentor
from mmengine.structures import PixelData
from mmseg.registry import MODELS

from mmseg_semisup.models import PseudoMaskObjective

NORM = {"type": "GN", "num_groups": 2}


def head(channels=16, **changes):
    return {
        "type": "DeepLabV2Head",
        "in_channels": channels,
        "num_classes": NUM_CLASSES,
        "dilations": (1, 2),
        **changes,
    }


def own_stage():
    """Half of the last stage of the tiny segmentor: 8 channels in, 8 out."""
    backbone = {k: v for k, v in tiny_segmentor()["backbone"].items()}
    return {"type": "ResNetLastStage", "backbone": backbone, "width": 0.5}


def build(objective=None, segmentor=None):
    torch.manual_seed(0)
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor or tiny_segmentor(),
            "objectives": [
                {"type": "PseudoMaskObjective", "head": head(), **(objective or {})}
            ],
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()


def prepare(model, size=16, plain=False, seed=0):
    """Masks on ``pseudo_strong``; with ``plain``, a second one on ``labeled``."""
    data = batch(size=size, views=("pseudo_strong",))
    generator = torch.Generator().manual_seed(seed)

    def mask(height=size):
        labels = torch.randint(0, NUM_CLASSES, (height, size), generator=generator)
        labels[:3, :5] = 255
        return labels

    old = data["data_samples"]["pseudo_strong"]
    data["data_samples"]["pseudo_strong"] = [
        sample((size, size), mask(), one.homography) for one in old
    ]
    if plain:
        for one in data["data_samples"]["labeled"]:
            # The preprocessor has padded the image, but not this mask.
            one.pseudo_sem_seg = PixelData(data=mask(size - 4)[None])
    return model.data_preprocessor(data, True)


def slow_loss(all_logits, all_labels):
    """Eq. 3 with the cross-entropy: the mean over the pixels of all batches."""
    total, count = 0.0, 0
    for logits, labels in zip(all_logits, all_labels, strict=True):
        n, _, h, w = logits.shape
        for i in range(n):
            for y in range(h):
                for x in range(w):
                    label = int(labels[i, y, x])
                    if label == 255:
                        continue
                    count += 1
                    total = total - logits[i, :, y, x].double().log_softmax(0)[label]
    return total / max(count, 1)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("stage", [False, True])
def test_equals_slow_loop_with_gradients(stage, plain):
    changes = {"weight": 0.7, "plain_branches": ["labeled"] if plain else []}
    if stage:
        changes.update(stage=own_stage(), head=head(8))
    model = build(changes)
    data = prepare(model, size=12, plain=plain)
    objective = model.objectives[0]
    step = model.make_step(**data)
    loss = objective(step)["loss"]
    loss.backward()
    found = {
        k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None
    }
    model.zero_grad()

    step = model.make_step(**data)
    branches = ["pseudo_strong", *(["labeled"] if plain else [])]
    logits = [objective.auxiliary.full_logits(step.student(step[b])) for b in branches]
    labels = [step["pseudo_strong"].labels]
    if plain:
        labels.append(step["labeled"].pseudo_masks)
        assert labels[1].shape == (2, 12, 12)
        assert (labels[1][:, 8:] == 255).all()
    slow = 0.7 * slow_loss(logits, labels)
    slow.backward()
    torch.testing.assert_close(loss.double(), slow, rtol=1e-5, atol=1e-7)
    assert found
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, msg=name)


@pytest.mark.parametrize("stage", [False, True])
def test_only_shared_layers_and_the_branch_learn(stage):
    """f's own last layers never see the pseudo-masks (section III-B)."""
    model = build({"stage": own_stage(), "head": head(8)} if stage else None)
    step = model.make_step(**prepare(model))
    model.objectives[0](step)["loss"].backward()
    moved = {k for k, p in model.named_parameters() if p.grad is not None}
    assert not any(k.startswith("segmentor.decode_head") for k in moved)
    last = {k for k in moved if k.startswith("segmentor.backbone.layer2")}
    assert bool(last) != stage
    assert any(k.startswith("segmentor.backbone.layer1") for k in moved)
    assert any(k.startswith("objectives.pseudo_mask.auxiliary.head") for k in moved)
    assert (
        any(k.startswith("objectives.pseudo_mask.auxiliary.stage") for k in moved)
        == stage
    )


def test_the_student_runs_once_for_both_tasks(monkeypatch):
    model = build()
    calls = []
    backbone = model.segmentor.backbone
    backbone.register_forward_hook(lambda *_: calls.append(1))
    step = model.make_step(**prepare(model))
    model.objectives[0](step)
    _ = step.student(step["pseudo_strong"]).full_logits
    assert len(calls) == 1


def test_own_neck_reads_the_backbone():
    segmentor = tiny_segmentor()
    neck = {"type": "FPN", "in_channels": [8, 16], "out_channels": 6, "num_outs": 2}
    segmentor.update(neck=neck)
    segmentor["decode_head"].update(in_channels=6)
    neck = {**neck, "in_channels": [8, 8], "out_channels": 4}
    model = build({"stage": own_stage(), "neck": neck, "head": head(4)}, segmentor)
    step = model.make_step(**prepare(model))
    loss = model.objectives[0](step)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    shared = model.segmentor.neck
    assert all(p.grad is None for p in shared.parameters())
    assert step.student(step["pseudo_strong"]).feats[0].shape[1] == 6


def test_all_pixels_ignored_gives_zero_and_no_gradient():
    model = build({"plain_branches": ["labeled"]})
    data = prepare(model, plain=True)
    for one in data["data_samples"]["pseudo_strong"]:
        one.gt_sem_seg.data.fill_(255)
    for one in data["data_samples"]["labeled"]:
        one.pseudo_sem_seg.data.fill_(255)
    losses = model.objectives[0](model.make_step(**data))
    loss = losses["loss"]
    loss.backward()
    assert loss == 0
    assert losses["agreement"] == 0
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all((g == 0).all() for g in gradients)


def test_one_image_of_one_pixel():
    model = build()
    data = prepare(model, size=16)
    for one in data["data_samples"]["pseudo_strong"]:
        one.gt_sem_seg.data.fill_(255)
    data["data_samples"]["pseudo_strong"][1].gt_sem_seg.data[0, 9, 4] = 2
    step = model.make_step(**data)
    loss = model.objectives[0](step)["loss"]
    output = step.student(step["pseudo_strong"])
    logits = model.objectives[0].auxiliary.full_logits(output)[1, :, 9, 4]
    torch.testing.assert_close(loss, -logits.log_softmax(0)[2])


def test_a_further_output_is_allowed_a_missing_one_is_not():
    build({"head": head(num_classes=NUM_CLASSES + 1)})
    with pytest.raises(ValueError, match=r"head\.num_classes=3, but.*is 4"):
        build({"head": head(num_classes=3)})


def test_a_branch_without_pseudo_masks_is_named():
    model = build({"plain_branches": ["labeled"]})
    step = model.make_step(**prepare(model))
    with pytest.raises(ValueError, match="'labeled' have no pseudo-masks; put LoadPs"):
        model.objectives[0](step)


def test_a_backbone_that_keeps_its_middle_to_itself_is_named():
    segmentor = tiny_segmentor()
    segmentor["backbone"]["out_indices"] = (1,)
    segmentor["decode_head"]["in_index"] = 0
    model = build({"stage": own_stage(), "head": head(8)}, segmentor)
    step = model.make_step(**prepare(model))
    with pytest.raises(ValueError, match="out_indices"):
        model.objectives[0](step)


def test_unknown_stage_is_named():
    with pytest.raises(ValueError, match="stage: type='Nothing'"):
        PseudoMaskObjective(head=head(), stage={"type": "Nothing"})
