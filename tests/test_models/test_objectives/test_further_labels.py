"""PrevMatch's step, and any objective's lesson, with labels of other networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmengine.logging import MessageHub
from mmseg.registry import MODELS
from reference_steps import compare_steps

from mmseg_semisup.composition import resolve_method
from mmseg_semisup.models.step.step import Step
from mmseg_semisup.models.training_facts import LENGTH
from test_models.test_objectives.test_unimatch import (
    BN,
    batch_of,
    judged,
    mixed,
    pixel_loss,
    supervised,
    upsampled,
    valid_of,
)

TOTAL = 100
TAKEN = ("previous_1", "previous_2", "previous_5", "previous_8")


def model_of(threshold=0.3, further=0.2, select=None, networks=TAKEN):
    """The block's model in double precision; some snapshots have been taken."""
    MessageHub.get_current_instance().update_info(LENGTH, TOTAL)
    block = resolve_method("prevmatch")
    objectives = block["objectives"]
    objectives["unimatch"]["threshold"] = threshold
    objectives["previous"].update(threshold=further, select=select)
    segmentor = tiny_segmentor(norm_cfg=BN)
    segmentor["backbone"]["norm_cfg"] = BN
    torch.manual_seed(3)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": PREPROCESSOR,
            "labeled_weight": block["labeled_weight"],
            "average_losses": block["average_losses"],
            "objectives": objectives,
            "networks": block["networks"],
        }
    )
    model = model.double().train()
    for name in networks:
        part = model.networks[name]
        part.make_ready(model.segmentor)
        for parameter in part.network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def ensemble(model, images, iteration):
    """Labels and confidence of the drawn snapshots' mean logits."""
    random = np.random.default_rng([0, iteration])
    there = [n for n in model.networks if n in TAKEN]
    count = random.integers(1, 4)
    chosen = sorted(random.permutation(len(there))[:count])
    weights = random.dirichlet(np.ones(len(chosen)))
    logits = 0
    for weight, index in zip(weights, chosen, strict=True):
        network = model.network(there[index]).eval()
        with torch.no_grad():
            found = upsampled(network, network.decode_head(network.backbone(images)))
        logits = logits + weight * found
    probs = logits.softmax(1)
    return probs.amax(1), probs.argmax(1)


def reference(model, data, threshold, further, iteration, weigh=pixel_loss):
    """Eq. 7 of the paper and its code's weights, on UniMatch's predictions."""
    network, x = model.segmentor, data["inputs"]
    count = len(x["labeled"])
    old_weak = ensemble(model, x["unlabeled"], iteration)
    old_other = ensemble(model, x["partner"], iteration)
    feats = network.backbone(torch.cat([x["labeled"], x["unlabeled"]]))
    dropped = [
        [F.dropout2d(feat[rows], 0.5) for feat in feats]
        for rows in (slice(0, count), slice(count, None))
    ]
    doubled = [
        torch.cat([feat, *maps]) for feat, *maps in zip(feats, *dropped, strict=True)
    ]
    logits = network.decode_head(doubled)
    probs = upsampled(network, logits[count : 2 * count]).detach().softmax(1)
    weak = (probs.amax(1), probs.argmax(1))
    own_other = judged(network, x["partner"], True)
    policy, images, targets, others = model.objectives["unimatch"].mix, [], [], []
    for suffix in ("_strong", "_strong_2"):
        name, other = f"unlabeled{suffix}", f"partner{suffix}"
        valid, other_valid = valid_of(data, name), valid_of(data, other)
        state = torch.get_rng_state()
        pair = (x[name], x[other])
        parts = mixed(policy, *pair, (*weak, valid), (*own_other, other_valid))
        torch.set_rng_state(state)
        old = mixed(policy, *pair, (*old_weak, valid), (*old_other, other_valid))
        images.append(parts[0])
        targets.append(parts[1:])
        others.append(old[1:])
    strong = upsampled(
        network, network.decode_head(network.backbone(torch.cat(images)))
    )
    valid = valid_of(data, "unlabeled")
    targets.append((*weak, valid))
    others.append((*old_weak, valid))
    predictions = [*strong.split(count), upsampled(network, logits[3 * count :])]
    terms = [
        [
            loss(prediction, labels, confidence, tau, valid)
            for prediction, (confidence, labels, valid) in zip(
                predictions, rows, strict=True
            )
        ]
        for rows, tau, loss in (
            (targets, threshold, pixel_loss),
            (others, further, weigh),
        )
    ]
    standard, previous = (a / 4 + b / 4 + c / 2 for a, b, c in terms)
    progress = iteration / TOTAL
    weight = 2 * progress if progress < 0.5 else 2 * (1 - progress)
    labeled = supervised(network, logits[:count], data)
    return (labeled + standard + weight * previous) / (2 + weight)


def mean_confidence(logits, labels, confidence, _, valid):
    """The mean over images' pixels, each image times its mean confidence."""
    total, logs = logits.new_zeros(()), logits.log_softmax(1)
    for n in range(len(labels)):
        inside = torch.nonzero(valid[n]).tolist()
        mean = sum(confidence[n, y, x] for y, x in inside) / max(len(inside), 1)
        for y, x in inside:
            total = total - mean * logs[n, labels[n, y, x], y, x]
    return total / max(int(valid.sum()), 1)


@pytest.mark.parametrize(
    ("threshold", "further", "iteration"), [(0.3, 0.3, 20), (1.0, 0.0, 70), (0, 1, 50)]
)
def test_a_step_equals_the_reference(threshold, further, iteration):
    compare(threshold, further, iteration)


@pytest.mark.slow
def test_two_steps_equal_the_reference():
    compare(0.3, 0.3, 20, steps=2)


def test_the_mean_confidence_equals_the_reference():
    select = {"type": "MeanConfidence"}
    compare(0.0, 0.0, 60, mean_confidence, select=select)


def compare(threshold, further, iteration, weigh=pixel_loss, steps=1, **changes):
    model, other = (model_of(threshold, further, **changes) for _ in range(2))
    model.iteration.value = iteration
    times = itertools.count(iteration)

    def expected(copy, data):
        return reference(copy, data, threshold, further, next(times), weigh)

    compare_steps(model, other, batch_of, expected, steps)
    assert all(p.grad is None for p in model.networks.parameters())


def test_without_snapshots_it_is_unimatch():
    """Before the first snapshot: (L_x + L_std) / 2, without further labels."""
    model = model_of(0.0, networks=())
    torch.manual_seed(0)
    losses = model(**batch_of(model), mode="loss")
    assert not any(name.startswith("previous") for name in losses)
    block = resolve_method("unimatch_v1")
    alone = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(norm_cfg=BN),
            "data_preprocessor": PREPROCESSOR,
            "labeled_weight": block["labeled_weight"],
            "objectives": {"unimatch": {**block["objectives"]["unimatch"]}},
        }
    ).double()
    alone.objectives["unimatch"].select.threshold = 0.0
    alone.segmentor = model_of(0.0, networks=()).segmentor
    torch.manual_seed(0)
    expected = alone(**batch_of(alone), mode="loss")
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_the_weight_rises_and_falls(progress, monkeypatch):
    monkeypatch.setattr(Step, "close", lambda step: None)
    model = model_of()
    model.iteration.value = round(progress * TOTAL)
    data = batch_of(model)
    steps, make = [], model.make_step
    model.make_step = lambda *a: steps.append(make(*a)) or steps[-1]
    model(**data, mode="loss")
    weight = 1 - abs(1 - 2 * progress)
    assert model.objectives["previous"].weight_in(steps[0]) == pytest.approx(weight)
    assert model.objectives.weight_in(steps[0]) == pytest.approx(1 + weight)


def consistency_model(**changes):
    objectives = {
        "consistency": {"type": "ConsistencyObjective", "threshold": 0.0, **changes},
        "further": {
            "type": "FurtherLabelsObjective",
            "of": "consistency",
            "labels_from": "slow",
            "threshold": 0.0,
        },
    }
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "teacher": {"momentum": 0.9},
            "networks": {"slow": {"type": "Average", "momentum": 0.5}},
            "objectives": objectives,
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()
    model.iteration.value = 1
    return model


CONSISTENT = {
    "nothing": {"mix": "none"},
    "rectangles": {"mix": "cutmix"},
    "classes": {"mix": {"type": "ClassMix"}},
    "cut out": {"mix": {"type": "CutOut"}},
    "labelled parts": {"mix": {"type": "AdaptiveCutMix"}},
    "plain views": {"plain_branches": ["labeled"]},
    "a blend": {"mix": {"type": "Mixup"}, "loss": {"type": "SquaredDifference"}},
    "a share": {"select": {"type": "ConfidentShare", "threshold": 0.26}},
}


@pytest.mark.parametrize("case", CONSISTENT)
def test_the_same_labels_give_the_same_loss(case):
    """The images, as they are mixed, and the predictions are shared."""
    model = consistency_model(**CONSISTENT[case])
    model.objectives["further"].select = model.objectives["consistency"].select
    views = ("unlabeled", "unlabeled_strong")
    data = model.data_preprocessor(batch(views=views), True)
    calls = []
    model.segmentor.backbone.register_forward_pre_hook(lambda *_: calls.append(1))
    losses = model(**data, mode="loss")
    torch.testing.assert_close(losses["further.loss"], losses["consistency.loss"])
    assert losses["consistency.loss"] > 0
    # Each view passes through the student once: labelled, mixed, and no more.
    assert len(calls) == 2


def test_other_labels_give_another_loss():
    model = consistency_model(mix="none")
    torch.nn.init.normal_(model.network("slow").decode_head.conv_seg.weight)
    views = ("unlabeled", "unlabeled_strong")
    data = model.data_preprocessor(batch(views=views), True)
    losses = model(**data, mode="loss")
    with torch.no_grad():
        labels = model.network("slow")(data["inputs"]["unlabeled"])
    student = model.segmentor(data["inputs"]["unlabeled_strong"])
    sizes = (32, 32)
    labels = F.interpolate(labels, sizes, mode="bilinear", align_corners=False)
    student = F.interpolate(student, sizes, mode="bilinear", align_corners=False)
    expected = F.cross_entropy(student.double(), labels.argmax(1))
    assert losses["further.loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_ignored_images_and_an_empty_selection_give_zero():
    model = model_of(0.0, 1.0)
    model.iteration.value = 50
    assert model(**batch_of(model), mode="loss")["previous.loss"] == 0
    model = model_of(0.0, 0.0)
    model.iteration.value = 50
    data = batch_of(model)
    for name, samples in data["data_samples"].items():
        for sample in samples if name != "labeled" else ():
            sample.set_metainfo({"source_shape": (0, 0)})
    losses = model(**data, mode="loss")
    assert losses["previous.loss"] == 0
    assert losses["previous.selected"] == 0


def test_nothing_is_taught_before_the_other_objective_starts():
    model = consistency_model(mix="none", start=5)
    views = ("unlabeled", "unlabeled_strong")
    data = model.data_preprocessor(batch(views=views), True)
    losses = model(**data, mode="loss")
    assert not any(name.startswith(("further", "consistency")) for name in losses)


@pytest.mark.parametrize(
    ("further", "message"),
    [
        ({"of": "consistenc"}, r"did you mean 'consistency'\? allowed: an objective"),
        ({"of": "entropy"}, r"takes the lesson of 'entropy'; allowed: .* \['consist"),
        ({"labels_from": "fast"}, "asks for the network 'fast'"),
        ({"peak": 1.0}, "peak=1.0; allowed"),
        ({"start": -1}, "start=-1"),
    ],
)
def test_mistakes_are_named(further, message):
    objectives = {
        "consistency": {"type": "ConsistencyObjective"},
        "further": {
            "type": "FurtherLabelsObjective",
            "of": "consistency",
            "labels_from": "teacher",
            **further,
        },
    }
    with pytest.raises(ValueError, match=message):
        MODELS.build(
            {
                "type": "SemiSegmentor",
                "segmentor": tiny_segmentor(),
                "teacher": {"momentum": 0.9},
                "objectives": objectives,
                "data_preprocessor": PREPROCESSOR,
            }
        )
