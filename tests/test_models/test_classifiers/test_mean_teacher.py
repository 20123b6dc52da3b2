"""The multi-label mean teacher against slow sums in float64."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.models.classifiers import (
    LabelConsistency,
    consistency_loss,
    label_loss,
)

VIEWS = ("labeled_teacher", "unlabeled", "unlabeled_teacher")
NORMED = dict(
    type="MultiLabelClassifier",
    backbone=dict(tiny_segmentor()["backbone"], norm_cfg=dict(type="BN")),
    in_channels=16,
    num_classes=NUM_CLASSES,
)


def model(**changes):
    cfg = dict(
        type="MultiLabelMeanTeacher",
        classifier=dict(
            type="MultiLabelClassifier",
            backbone=tiny_segmentor()["backbone"],
            in_channels=16,
            num_classes=NUM_CLASSES,
        ),
        teacher=dict(momentum=0.9),
        consistency=dict(weight=2.0),
        data_preprocessor=PREPROCESSOR,
    )
    torch.manual_seed(0)
    built = MODELS.build({**cfg, **changes})
    built.init_weights()
    return built


def data(network, size=2, seed=0):
    raw = batch(labeled=size, unlabeled=size, seed=seed, views=VIEWS)
    for i, sample in enumerate(raw["data_samples"]["labeled"]):
        labels = torch.zeros(NUM_CLASSES)
        labels[i % NUM_CLASSES] = labels[0] = 1
        sample.set_data({"gt_image_labels": labels})
    return network.data_preprocessor(raw, True)


def slow_label_loss(logits, labels, kind):
    total = torch.zeros((), dtype=torch.float64)
    for row, target in zip(logits, labels):  # noqa: B905
        for c in range(len(row)):
            if kind == "binary":
                p = 1 / (1 + torch.exp(-row[c]))
                total -= target[c] * p.log() + (1 - target[c]) * (1 - p).log()
            else:
                total -= target[c] * (row[c].exp() / row.exp().sum()).log()
    return total / (logits.numel() if kind == "binary" else len(logits))


def slow_consistency(student, teacher, kind):
    total = torch.zeros((), dtype=torch.float64)
    for s, t in zip(student, teacher):  # noqa: B905
        if kind == "mse":
            gap = 1 / (1 + torch.exp(-s)) - 1 / (1 + torch.exp(-t))
            total += (gap * gap).sum() / student.numel()
        else:
            cosine = (s * t).sum() / ((s * s).sum().sqrt() * (t * t).sum().sqrt())
            total += (1 - cosine) / len(student)
    return total


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("kind", ["binary", "categorical"])
def test_label_loss_and_its_gradient(kind, size):
    logits = torch.randn(size, 3, requires_grad=True)
    exact = logits.detach().double().requires_grad_()
    labels = torch.tensor([[0.0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1], [1, 0, 1]])
    labels = labels[:size]
    loss, expected = label_loss(logits, labels, kind), 0
    expected = slow_label_loss(exact, labels.double(), kind)
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(logits.grad.double(), exact.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("kind", ["mse", "cosine"])
def test_consistency_and_its_gradient(kind, size):
    student = torch.randn(size, 5, requires_grad=True)
    teacher = torch.randn(size, 5, requires_grad=True)
    exact = student.detach().double().requires_grad_()
    loss = consistency_loss(student, teacher, kind)
    expected = slow_consistency(exact, teacher.detach().double(), kind)
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(student.grad.double(), exact.grad, rtol=1e-4, atol=1e-6)
    assert teacher.grad is None


def test_ramps():
    ramp = LabelConsistency(weight=2.0, start=10, ramp=100)
    assert ramp.weight_at(9) == 0
    assert ramp.weight_at(10) == pytest.approx(2 * math.exp(-5))
    assert ramp.weight_at(60) == pytest.approx(2 * math.exp(-1.25))
    assert ramp.weight_at(500) == 2
    linear = LabelConsistency(weight=2.0, start=10, ramp=100, ramp_shape="linear")
    assert [linear.weight_at(i) for i in (10, 60, 500)] == [0, 1, 2]


@pytest.mark.parametrize("size", [1, 3])
def test_losses_of_a_step(size):
    network = model()
    inputs = data(network, size)
    losses = network(**inputs, mode="loss")
    images, samples = inputs["inputs"], inputs["data_samples"]
    labels = torch.stack([s.gt_image_labels for s in samples["labeled"]])
    student = {k: network.classifier(images[k]).double() for k in images}
    expected = slow_label_loss(student["labeled"], labels.double(), "binary")
    assert losses["labeled.loss_label"].item() == pytest.approx(
        expected.item(), rel=1e-4
    )
    teacher = {k: network.teacher.network(images[k]).double() for k in images}
    expected = 2 * slow_consistency(
        torch.cat([student["labeled"], student["unlabeled"]]),
        torch.cat([teacher["labeled_teacher"], teacher["unlabeled_teacher"]]),
        "mse",
    )
    assert losses["consistency.loss"].item() == pytest.approx(expected.item(), rel=1e-4)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in network.classifier.parameters())
    assert all(p.grad is None for p in network.teacher.parameters())


def test_batch_statistics_do_not_tie_labeled_to_unlabeled_images():
    network = model(classifier=NORMED)
    inputs = data(network)
    before = network(**inputs, mode="loss")
    inputs["inputs"]["unlabeled"] = inputs["inputs"]["unlabeled"][..., :16] + 1
    after = network(**inputs, mode="loss")
    assert torch.equal(before["labeled.loss_label"], after["labeled.loss_label"])
    assert not torch.equal(before["consistency.loss"], after["consistency.loss"])


def running_mean(classifier, *batches):
    """First norm layer's statistics after batches, in float64."""
    mean = torch.zeros(8, dtype=torch.float64)
    stem = classifier.backbone.conv1
    for images in batches:
        found = stem(images).double().mean((0, 2, 3))
        mean = 0.9 * mean + 0.1 * found
    return mean


@pytest.mark.parametrize("early", [False, True])
def test_running_before_the_start_teaches_statistics_and_nothing_else(early):
    network = model(
        classifier=NORMED,
        teacher=dict(momentum=0.9, norm="own"),
        consistency=dict(
            branches=("unlabeled",),
            start=1,
            run_before_start=early,
            statistics_views=("labeled",),
        ),
    ).train()
    inputs = data(network)
    labeled, *views = (inputs["inputs"][n] for n in ("labeled", *VIEWS[1:]))
    with torch.no_grad():
        seen = [labeled, views[0]] if early else [labeled]
        student = running_mean(network.classifier, *seen)
        seen = [labeled, views[1]] if early else []
        teacher = running_mean(network.classifier, *seen)
    losses = network(**inputs, mode="loss")
    assert list(losses) == ["labeled.loss_label"]
    for one, expected in (
        (network.classifier, student),
        (network.teacher.network, teacher),
    ):
        found = one.backbone.bn1.running_mean.double()
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    alone = model(classifier=NORMED, teacher=None, consistency=None).train()
    only = {k: {"labeled": v["labeled"]} for k, v in inputs.items()}
    alone(**only, mode="loss")["labeled.loss_label"].backward()
    losses["labeled.loss_label"].backward()
    gradients = dict(alone.classifier.named_parameters())
    for name, parameter in network.classifier.named_parameters():
        assert torch.equal(parameter.grad, gradients[name].grad), name
    assert "consistency.loss" in network(**inputs, mode="loss")


def test_predictions_of_student_and_teacher():
    network = model(test_cfg=dict(predict_with="teacher")).eval()
    images = torch.randn(1, 3, 32, 32)
    expected = network.teacher.network(images).sigmoid()
    sample = network(images, mode="predict")[0]
    torch.testing.assert_close(sample.pred_image_scores, expected[0])


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped():
    def train(network, steps, optimizer):
        for i in steps:
            losses = network(**data(network, seed=i), mode="loss")
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
            network.teacher.update(network.network("student"))

    def optimizer_of(network):
        parameters = network.classifier.parameters()
        return torch.optim.SGD(parameters, 0.1, momentum=0.9)

    ramp = dict(consistency=dict(weight=2.0, ramp=6))
    whole = model(**ramp)
    train(whole, range(4), optimizer_of(whole))
    first = model(**ramp)
    optimizer = optimizer_of(first)
    train(first, range(2), optimizer)
    second = model(**ramp)
    second.load_state_dict(first.state_dict())
    continued = optimizer_of(second)
    continued.load_state_dict(optimizer.state_dict())
    train(second, range(2, 4), continued)
    assert second.iteration.value == whole.iteration.value == 4
    state = second.state_dict()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(label_loss="hinge"), "label_loss='hinge'"),
        (dict(teacher=None), "consistency needs a teacher"),
        (dict(consistency=dict(kind="kl")), "kind='kl'"),
        (dict(consistency=dict(ramp_shape="step")), "ramp_shape='step'"),
        (dict(consistency=dict(ramp=-1)), "ramp=-1"),
        (dict(consistency=dict(wait=1)), "no argument 'wait'"),
        (dict(test_cfg=dict(predict_with="both")), "predict_with='both'"),
        (
            dict(consistency=dict(statistics_views=("labeled",))),
            r"statistics_views=\('labeled',\), but teacher.norm='ema'",
        ),
    ],
)
def test_mistakes_in_the_config_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        model(**changes)


def test_mistakes_in_the_batch_are_named():
    network = model()
    inputs = data(network)
    del inputs["inputs"]["unlabeled_teacher"]
    with pytest.raises(ValueError, match="no branch 'unlabeled_teacher'"):
        network(**inputs, mode="loss")
    inputs = data(network)
    del inputs["data_samples"]["labeled"][0].gt_image_labels
    with pytest.raises(ValueError, match="no image labels"):
        network(**inputs, mode="loss")
