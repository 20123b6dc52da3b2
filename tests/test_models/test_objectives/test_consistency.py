"""Mean-teacher consistency against a slow loop, with geometry and mixing."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.models import ConsistencyObjective
from mmseg_semisup.models.policies.mix import random_boxes
from mmseg_semisup.models.policies.pixel_loss import LabelCrossEntropy

VIEWS = ("unlabeled", "unlabeled_strong")


def build(**objective):
    torch.manual_seed(0)
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "teacher": {"momentum": 0.9},
            "objectives": [{"type": "ConsistencyObjective", **objective}],
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()


def flip(width):
    return torch.tensor(
        [[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]], dtype=torch.float64
    )


def prepare(model, flipped=False):
    data = model.data_preprocessor(batch(size=16, views=VIEWS), True)
    if flipped:
        for one in data["data_samples"]["unlabeled_strong"]:
            one.set_metainfo({"homography": flip(16)})
    return data


def slow_loss(teacher_probs, student_logits, valid, threshold):
    """Pixels above the threshold learn the teacher's class; divided by all valid."""
    total, count = student_logits.sum() * 0, 0
    n, _, h, w = student_logits.shape
    for i in range(n):
        for y in range(h):
            for x in range(w):
                if not valid[i, y, x]:
                    continue
                count += 1
                probs = teacher_probs[i, :, y, x]
                if probs.max() >= threshold:
                    log_p = student_logits[i, :, y, x].log_softmax(0)
                    total = total - log_p[probs.argmax()]
    return total / max(count, 1)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("flipped", [False, True])
def test_equals_slow_loop_with_gradients(threshold, flipped):
    model = build(threshold=threshold, mix="none", weight=2.0)
    data = prepare(model, flipped)
    step = model.make_step(**data)
    losses = model.objectives[0](step)
    loss = losses["loss"]
    probs = step.teacher(step["unlabeled"]).probs
    probs = probs.flip(-1) if flipped else probs
    valid = step["unlabeled_strong"].valid
    logits = step.student(step["unlabeled_strong"]).full_logits
    slow = 2.0 * slow_loss(probs, logits, valid, threshold)
    torch.testing.assert_close(loss, slow)
    parameters = list(model.segmentor.parameters())
    fast_gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
    slow_gradients = torch.autograd.grad(slow, parameters)
    torch.testing.assert_close(fast_gradients, slow_gradients)
    if threshold == 1.0:
        assert loss == 0


def test_cutmix_mixes_images_and_labels_alike():
    """A teacher that reads its label off the image must agree on the mixed one."""
    model = build(threshold=0.0, mix="cutmix")
    data = prepare(model)
    step = model.make_step(**data)
    model.objectives[0](step)
    mixed = step["consistency.mixed"].images
    strong = step["unlabeled_strong"].images
    own = (mixed == strong).all(1)
    pasted = (mixed == strong.roll(1, 0)).all(1)
    assert (own | pasted).all()
    share = pasted.float().mean()
    assert 0.1 < share < 0.7
    images = step["unlabeled"].images
    labels = step.teacher(step["unlabeled"]).probs.argmax(1)
    assert images.shape[-2:] == labels.shape[-2:]


def test_mixed_labels_come_from_the_same_place_as_the_pixels(monkeypatch):
    model = build(threshold=0.0, mix="cutmix")
    data = prepare(model)
    seen = {}

    def catch(logits, labels, *args):
        seen.update(labels=labels[0])
        return logits[0].sum() * 0

    monkeypatch.setattr(LabelCrossEntropy, "compare", staticmethod(catch))
    step = model.make_step(**data)
    model.objectives[0](step)
    labels = step.teacher(step["unlabeled"]).probs.argmax(1)
    names = ("consistency.mixed", "unlabeled_strong")
    mixed, strong = (step[name].images.sum(1) for name in names)
    expected = torch.where(mixed == strong, labels, labels.roll(1, 0))
    assert torch.equal(seen["labels"], expected)


@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_plain_branches_join_the_mean(threshold):
    """Eq. 1 over both sub-batches, one of them without strong augmentation."""
    model = build(
        threshold=threshold, mix="none", weight=0.5, plain_branches=["labeled"]
    )
    step = model.make_step(**prepare(model, flipped=True))
    loss = model.objectives[0](step)["loss"]
    loss.backward()
    found = {k: p.grad.clone() for k, p in model.segmentor.named_parameters()}
    model.zero_grad()
    step = model.make_step(**prepare(model, flipped=True))
    valid = torch.ones(2, 16, 16, dtype=torch.bool)
    seen = step["labeled"].labels != 255
    parts = []
    for teacher, student, mask in (
        (
            step.teacher(step["unlabeled"]).probs.flip(-1),
            step.student(step["unlabeled_strong"]),
            valid,
        ),
        (step.teacher(step["labeled"]).probs, step.student(step["labeled"]), seen),
    ):
        mean = slow_loss(teacher, student.full_logits, mask, threshold)
        parts.append((mean, mask.sum()))
    slow = 0.5 * sum(m * n for m, n in parts) / sum(n for _, n in parts)
    torch.testing.assert_close(loss, slow)
    slow.backward()
    for name, parameter in model.segmentor.named_parameters():
        torch.testing.assert_close(
            found[name], parameter.grad, rtol=1e-4, atol=1e-6, msg=name
        )
    assert "labeled" in model.required_views


def test_padding_does_not_count():
    model = build(threshold=0.0, mix="none")
    data = prepare(model)
    for view in VIEWS:
        for one in data["data_samples"][view]:
            one.set_metainfo({"img_shape": (8, 16)})
    step = model.make_step(**data)
    loss = model.objectives[0](step)["loss"]
    valid = torch.zeros(2, 16, 16, dtype=torch.bool)
    valid[:, :8] = True
    slow = slow_loss(
        step.teacher(step["unlabeled"]).probs,
        step.student(step["unlabeled_strong"]).full_logits,
        valid,
        0.0,
    )
    torch.testing.assert_close(loss, slow)


@pytest.mark.parametrize("pixels", ["valid", "all"])
def test_which_pixels_count(pixels):
    """Ignored labels and padding do on request; what a warp exposed never does."""
    model = build(threshold=0.0, mix="none", plain_branches=["labeled"], pixels=pixels)
    model = model.double()
    data = prepare(model)
    data["inputs"] = {k: v.double() for k, v in data["inputs"].items()}
    down = torch.eye(3, dtype=torch.float64)
    down[1, 2] = 2  # the student's view shows the teacher's two rows lower
    for seen, hard in zip(*(data["data_samples"][v] for v in VIEWS), strict=True):
        for one in (seen, hard):
            one.set_metainfo({"img_shape": (12, 16), "source_shape": (12, 16)})
        hard.set_metainfo({"homography": down.clone()})
    step = model.make_step(**data)
    loss = model.objectives[0](step)["loss"]
    loss.backward()
    found = {k: p.grad.clone() for k, p in model.segmentor.named_parameters()}
    model.zero_grad()

    step = model.make_step(**data)
    labels = step["labeled"].labels
    total, count = 0, 0
    easy, hard = step.teacher("unlabeled").probs, step.student("unlabeled_strong")
    plain, known = step.teacher("labeled").probs, step.student("labeled")
    for n in range(2):
        for y in range(16):
            for x in range(16):
                # Rows from 12 on are padding, in both views.
                if pixels == "all":
                    counts = y >= 2 and (y < 12 or y - 2 >= 12)
                else:
                    counts = 2 <= y < 12
                if counts:
                    best = easy[n, :, y - 2, x].argmax()
                    total -= hard.full_logits[n, :, y, x].log_softmax(0)[best]
                    count += 1
                if pixels == "all" or labels[n, y, x] != 255:
                    best = plain[n, :, y, x].argmax()
                    total -= known.full_logits[n, :, y, x].log_softmax(0)[best]
                    count += 1
    torch.testing.assert_close(loss, total / count)
    (total / count).backward()
    for name, parameter in model.segmentor.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, msg=name)


def test_start_and_ramp():
    model = build(threshold=0.0, mix="none", start=2, ramp=4)
    data = prepare(model)
    values = []
    for iteration in range(8):
        model.iteration.value = iteration
        losses = model.objectives[0](model.make_step(**data))
        values.append(float(losses.get("loss", 0)))
    full = values[-1]
    assert full > 0
    expected = [0, 0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert values == pytest.approx([full * share for share in expected])


def test_boxes_cover_the_share_they_should():
    boxes = random_boxes(2000, (40, 60), (0.25, 0.5), "cpu").float().mean((1, 2))
    assert boxes.mean() == pytest.approx(0.375, abs=0.02)
    assert boxes.min() > 0.2
    assert boxes.max() < 0.55
    whole = random_boxes(2000, (40, 60), (1.0, 1.0), "cpu")
    assert whole.all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mix": "mixup"}, "mix='mixup'; allowed"),
        ({"threshold": math.inf}, "threshold=inf; allowed"),
        ({"mix": {"type": "CutMix", "area": (0.5, 0.2)}}, "area"),
        ({"mix_share": (0.5, 0.2)}, "area"),
        ({"pixels": "some"}, "pixels='some'; allowed"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConsistencyObjective(**arguments)
