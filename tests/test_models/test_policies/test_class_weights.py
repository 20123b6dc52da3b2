"""Weights of classes against the equations, pixel by pixel in float64."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from processes import in_two_processes

from mmseg_semisup.models.policies import ClassWeights
from mmseg_semisup.models.step.step import Step
from test_models.test_policies.test_adaptive_threshold import VIEWS, Seen, judged

CUT = {"type": "ConfidenceThreshold", "threshold": 0.6}


def weigh(policy, judgement):
    return policy(judgement, Step({}, {}, {}, iteration=0))


class Slow:
    """The same with lists."""

    def __init__(self, kind, limit, beta, momentum, classes=3):
        self.kind, self.limit, self.beta, self.m = kind, limit, beta, momentum
        self.past, self.classes = [], classes

    def __call__(self, judgement):
        probs = judgement.probs.double()
        chosen = (judgement.valid & (probs.amax(1) >= 0.6)).tolist()
        labels = probs.argmax(1).tolist()
        places = [
            (n, y, x)
            for n, image in enumerate(chosen)
            for y, row in enumerate(image)
            for x, kept in enumerate(row)
            if kept
        ]
        counts = [0] * self.classes
        for n, y, x in places:
            counts[labels[n][y][x]] += 1
        self.past.append(counts)
        mean = self.mean()
        weights = self.weights(mean)
        found = torch.zeros_like(judgement.valid, dtype=torch.float64)
        for n, y, x in places:
            found[n, y, x] = weights[labels[n][y][x]]
        return found, weights

    def mean(self):
        powers = [self.m**k for k in range(len(self.past))][::-1]
        return [
            sum(p * counts[c] for p, counts in zip(powers, self.past, strict=True))
            / sum(powers)
            for c in range(self.classes)
        ]

    def weights(self, mean):
        if not sum(mean):
            return [1.0] * self.classes
        number = mean
        if self.kind == "effective_number":
            number = [(1 - self.beta**n) / (1 - self.beta) for n in mean]
        rates = [1 / n if n else float("inf") for n in number]
        rates = [min(r, self.limit * min(rates)) for r in rates]
        total = sum(n * r for n, r in zip(mean, rates, strict=True))
        return [r * sum(mean) / total for r in rates]


@pytest.mark.parametrize("kind", ["inverse_frequency", "effective_number"])
@pytest.mark.parametrize("limit", [100.0, 1.5, 1.0])
def test_equal_to_the_equations(kind, limit):
    policy = ClassWeights(3, CUT, kind, limit, beta=0.9, momentum=0.7)
    slow = Slow(kind, limit, 0.9, 0.7)
    for seed in range(6):
        # The first and a later step have no pixel that counts.
        judgement = judged(seed, ignored=1.1 if seed in (0, 3) else 0.2)
        found, weights = slow(judgement)
        expected = torch.tensor(weights, dtype=torch.float64)
        actual = weigh(policy, judgement)
        torch.testing.assert_close(policy.class_weights().double(), expected)
        torch.testing.assert_close(actual.double(), found)
    assert max(weights) <= limit * min(weights) * 1.001
    if limit > 1:
        assert weights[0] < 0.9 < 1.1 < weights[1]
    else:
        assert weights == pytest.approx([1.0] * 3)


def test_a_class_that_was_never_selected_has_the_greatest_weight():
    policy = ClassWeights(4, CUT, limit=7.0)
    judgement = judged(0)
    weigh(policy, judgement)
    weights = policy.class_weights()
    assert policy.pixels[3] == 0
    assert float(weights[3] / weights.min()) == pytest.approx(7.0)


def test_the_mean_weight_of_the_selected_pixels_is_one():
    policy = ClassWeights(3, CUT, momentum=0.0)
    weights = weigh(policy, judged(0, size=20))
    assert float(weights[weights > 0].mean()) == pytest.approx(1.0)


@pytest.mark.parametrize(("size", "classes"), [(1, 3), (3, 1), (1, 1)])
def test_one_pixel_and_one_class(size, classes):
    policy = ClassWeights(classes, {**CUT, "threshold": 0.0})
    weights = weigh(policy, judged(1, 1, size, classes, ignored=0.0))
    assert weights.tolist() == torch.ones(1, size, size).tolist()


def test_the_state_moves_once_a_step_and_survives_a_resume():
    policy, data = ClassWeights(3, CUT), [judged(seed) for seed in range(3)]
    weigh(policy, data[0])
    resumed = ClassWeights(3, CUT)
    resumed.load_state_dict(copy.deepcopy(policy.state_dict()))
    step = Step({}, {}, {}, iteration=1)
    first, second = policy(data[1], step), policy(data[1], step)
    assert torch.equal(first, second)
    assert torch.equal(weigh(resumed, data[1]), first)
    assert torch.equal(resumed.pixels, policy.pixels)


def in_parts(rank):
    policy = ClassWeights(3, CUT)
    for seed in range(3):
        own = judged(seed)
        part = slice(rank, rank + 1)
        for name in ("probs", "confidence", "labels", "valid"):
            setattr(own, name, getattr(own, name)[part])
        own.seen = Seen(1)
        weights = weigh(policy, own)
    return weights


@pytest.mark.slow
def test_two_processes_are_one_with_both_images():
    policy = ClassWeights(3, CUT)
    for seed in range(3):
        weights = weigh(policy, judged(seed))
    torch.testing.assert_close(torch.cat(in_two_processes(in_parts)), weights)


@pytest.mark.parametrize("objective", ["ConsistencyObjective", "UniMatchObjective"])
def test_one_line_in_an_objective(objective):
    inner = {"type": "SelfAdaptiveThreshold"}
    cfg = {"type": objective, "mix": "none"}
    cfg["select"] = {"type": "ClassWeights", "select": inner}
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "teacher": {"momentum": 0.9},
            "objectives": {"learn": cfg},
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()
    torch.nn.init.normal_(model.teacher.network.decode_head.conv_seg.weight)
    data = model.data_preprocessor(batch(size=16, views=VIEWS), True)
    step = model.make_step(**data)
    found = model.objectives["learn"](step)
    policy = model.objectives["learn"].select
    assert policy.num_classes == policy.select.num_classes == NUM_CLASSES
    assert torch.equal(policy.level, policy.select.level)
    probs = step.teacher(step["unlabeled"]).probs
    labels = probs.argmax(1)
    kept = probs.amax(1) >= policy.level[labels]
    weights = kept * policy.class_weights()[labels]
    logits = step.student(step["unlabeled_strong"]).full_logits.double()
    losses = F.cross_entropy(logits, labels, reduction="none") * weights
    loss = found["loss" if objective.startswith("C") else "loss_strong"]
    scale = 1.0 if objective.startswith("C") else 0.5
    slow = scale * losses.mean()
    torch.testing.assert_close(loss.double(), slow)
    parameters = list(model.segmentor.parameters())
    fast = torch.autograd.grad(loss, parameters, retain_graph=True)
    torch.testing.assert_close(fast, torch.autograd.grad(slow, parameters))
    assert weights.unique().numel() > 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kind": "frequency"}, "kind='frequency'; allowed: "),
        ({"limit": 0.5}, r"limit=0\.5; allowed: 1 or more"),
        ({"beta": 1.0}, r"beta=1\.0; allowed: between 0 and 1"),
        ({"momentum": 1.0}, r"momentum=1\.0; allowed: 0 to below 1"),
        ({"select": {"type": "ConfidentShare"}}, "select=ConfidentShare gives all pix"),
    ],
)
def test_arguments_out_of_range(options, text):
    with pytest.raises(ValueError, match=text):
        ClassWeights(3, **options)
