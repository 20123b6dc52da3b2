"""Pseudo-masks for a second classifier (Eqs. 10, 11) against a slow loop."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS

from mmseg_semisup.benchmark.floor import record_passes
from mmseg_semisup.benchmark.step import TrainingStep
from mmseg_semisup.export.plain_model import plain_state

VIEWS = ("unlabeled", "unlabeled_second")


def config(segmentor=None, more=(), **changes):
    objective = {
        "type": "WeakMaskObjective",
        "in_channels": 8,
        "num_classes": NUM_CLASSES,
        **changes,
    }
    return {
        "type": "SemiSegmentor",
        "segmentor": segmentor or tiny_segmentor(),
        "objectives": [*more, objective],
        "data_preprocessor": PREPROCESSOR,
    }


def build(segmentor=None, more=(), **changes):
    torch.manual_seed(0)
    model = MODELS.build(config(segmentor, more, **changes)).train()
    torch.nn.init.normal_(model.objectives[-1].classifier.weight)
    return model


def prepare(model, size=16, ignored="some"):
    """Coarse masks beside the images of both views."""
    data = batch(size=size, views=VIEWS)
    generator = torch.Generator().manual_seed(1)
    for i, view in enumerate(VIEWS):
        for one in data["data_samples"][view]:
            mask = torch.randint(0, NUM_CLASSES, (size, size), generator=generator)
            mask[: 3 + i] = 255
            if ignored == "all" or ignored == "all of the first" and i == 0:
                mask[:] = 255
            elif ignored == "all but one":
                mask[:] = 255
                mask[5, 7] = 2
            one.pseudo_sem_seg = PixelData(data=mask[None])
    return model.data_preprocessor(data, True) if model else data


def slow_loss(model, data):
    """Eq. 11 in float64, pixel by pixel; with the weights and the embeddings."""
    total, leaves = 0.0, []
    objective = model.objectives[-1]
    step = model.make_step(data["inputs"], data["data_samples"])
    weight = objective.classifier.weight.detach().double().requires_grad_()
    bias = objective.classifier.bias.detach().double().requires_grad_()
    for view in VIEWS:
        embedding = (
            step.student(step[view]).embedding.detach().double().requires_grad_()
        )
        leaves.append(embedding)
        logits = torch.einsum("cd,ndhw->nchw", weight[..., 0, 0], embedding)
        logits = logits + bias[:, None, None]
        size = data["inputs"][view].shape[-2:]
        logits = torch.nn.functional.interpolate(logits, size, mode="bilinear")
        part, count = 0.0, 0
        for n, one in enumerate(data["data_samples"][view]):
            mask = one.pseudo_sem_seg.data[0]
            for y, x in (mask != 255).nonzero().tolist():
                row = logits[n, :, y, x]
                part = part - (row[mask[y, x]] - row.exp().sum().log())
                count += 1
        total = total + 0.5 * part / max(count, 1)
    return total, (weight, bias), leaves


@pytest.mark.parametrize("ignored", ["some", "all but one", "all of the first", "all"])
def test_equals_slow_loop_with_gradients(ignored):
    model = build(weight=0.7)
    data = prepare(model, ignored=ignored)
    step = model.make_step(data["inputs"], data["data_samples"])
    losses = model.objectives[0](step)
    assert {k for k in losses if "loss" in k} == {"loss"}
    loss = losses["loss"]
    embeddings = [step.student(step[view]).embedding for view in VIEWS]
    classifier = model.objectives[0].classifier
    inputs = [classifier.weight, classifier.bias, *embeddings]
    gradients = torch.autograd.grad(loss, inputs)
    expected, own, leaves = slow_loss(model, data)
    assert loss.item() == pytest.approx(
        0.7 * float(torch.as_tensor(expected).detach()), rel=1e-6, abs=1e-12
    )
    if ignored == "all":
        assert all(not g.any() for g in gradients)
        return
    # Without a pixel, a view has no part in the sum.
    slow = torch.autograd.grad(expected, [*own, *leaves], allow_unused=True)
    for gradient, right, like in zip(gradients, slow, inputs, strict=True):
        right = torch.zeros_like(like).double() if right is None else 0.7 * right
        torch.testing.assert_close(
            gradient.double(), right.view_as(gradient), rtol=1e-4, atol=1e-7
        )


def test_the_segmentor_s_own_classifier_learns_nothing_of_it():
    model = build()
    data = prepare(model)
    step = model.make_step(data["inputs"], data["data_samples"])
    model.objectives[0](step)["loss"].backward()
    own = dict(model.segmentor.named_parameters())
    assert own["decode_head.conv_seg.weight"].grad is None
    assert own["decode_head.convs.0.conv.weight"].grad.any()
    assert any(p.grad.any() for n, p in own.items() if n.startswith("backbone"))


def test_weight_starts_and_grows():
    objective = build(weight=0.4, start=10, ramp=4).objectives[0]
    expected = [0.0, *(0.4 * math.exp(-5 * (1 - t / 4) ** 2) for t in range(4)), 0.4]
    assert [objective.weight_at(i) for i in (9, 10, 11, 12, 13, 14)] == expected
    at_once = build(weight=0.4, start=10).objectives[0]
    assert [at_once.weight_at(i) for i in (9, 10)] == [0.0, 0.4]


def test_before_the_start_images_are_not_looked_at():
    model = build(start=3)
    data = prepare(model)
    step = model.make_step(data["inputs"], data["data_samples"])
    losses = model.objectives[0](step)
    assert not step._outputs
    losses["loss"].backward()
    for parameter in model.objectives[0].parameters():
        assert parameter.grad is not None
        assert not parameter.grad.any()


def test_other_objectives_see_unlabelled_images():
    """The contrast is the same with pseudo-masks and without."""
    contrast = {
        "type": "ContextContrastObjective",
        "in_channels": 8,
        "projector": None,
        "gamma": None,
    }
    model = build(more=[contrast])
    with_masks = prepare(model)
    without = model.data_preprocessor(batch(size=16, views=VIEWS), True)
    losses = [
        model.objectives[0](model.make_step(d["inputs"], d["data_samples"]))
        for d in (with_masks, without)
    ]
    assert losses[0]["overlap"] == 1
    for name, value in losses[0].items():
        torch.testing.assert_close(value, losses[1][name])


def test_the_classifier_is_dropped():
    """Prediction and export have the plain segmentor alone."""
    model = build().eval()
    images = torch.rand(1, 3, 16, 16)
    before = model(images, mode="tensor")
    torch.nn.init.constant_(model.objectives[0].classifier.weight, 9.0)
    torch.testing.assert_close(model(images, mode="tensor"), before)
    plain = plain_state(model.state_dict(), "student")
    assert set(plain) == set(MODELS.build(tiny_segmentor()).state_dict())


def test_the_floor_counts_the_second_classifier():
    cfg = Config(
        {
            "model": config(),
            "optim_wrapper": {
                "constructor": "JointOptimWrapperConstructor",
                "segmentor": {"optimizer": {"type": "SGD", "lr": 0.01}},
            },
            "train_cfg": {"max_iters": 9},
        }
    )
    step = TrainingStep.from_config(cfg, prepare(None), "cpu")
    before = step.model.objectives[0].classifier.weight.clone()
    step()
    assert not torch.equal(before, step.model.objectives[0].classifier.weight)
    names = [item.name for item in record_passes(step)]
    assert names.count("weak_mask.classifier") == 2
    assert names.count("student.backbone") == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in_channels": 9}, "in_channels=9, .* is 8"),
        ({"num_classes": 3}, "num_classes=3, .* is 4"),
        ({"weight": -1.0}, "weight=-1.0"),
        ({"branches": []}, "at least one branch"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config(**changes))


def test_masks_that_are_not_there_are_named():
    model = build()
    data = model.data_preprocessor(batch(size=16, views=VIEWS), True)
    with pytest.raises(ValueError, match="branch 'unlabeled' have no pseudo-masks"):
        model.loss(data["inputs"], data["data_samples"])
