"""Context-aware consistency against a loop over pairs of places, in float64."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from processes import in_two_processes

from mmseg_semisup.models import ContextContrastObjective
from mmseg_semisup.models.objectives import Objectives, named_configs
from mmseg_semisup.models.step.facts import facts_of

VIEWS = ("unlabeled", "unlabeled_second")
SIZE, SOURCE = 32, 64
# For each image, (left, top, flipped) of both crops.
BOXES = [((8, 0, False), (16, 16, True)), ((24, 8, True), (0, 24, False))]
COARSE = [((16, 0, False), (16, 16, True)), ((32, 8, True), (16, 8, False))]


def build(seed=0, **objective):
    torch.manual_seed(seed)
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "objectives": [
                {
                    "type": "ContextContrastObjective",
                    "in_channels": 8,
                    "projector": {"channels": 6},
                    "gamma": 0.26,
                    **objective,
                }
            ],
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()


def place(left, top, flipped):
    matrix = torch.tensor([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])
    if flipped:
        matrix = torch.tensor([[-1.0, 0, SIZE - 1], [0, 1, 0], [0, 0, 1]]) @ matrix
    return matrix.double()


def crops(images=2, seed=0, source=SOURCE, boxes=BOXES):
    """A batch whose unlabelled crops lie as the boxes say."""
    data = batch(labeled=images, unlabeled=images, size=SIZE, views=VIEWS, seed=seed)
    for which, view in enumerate(VIEWS):
        for i, sample in enumerate(data["data_samples"][view]):
            sample.set_metainfo(
                {
                    "homography": place(*boxes[i % 2][which]),
                    "source_shape": (source, source),
                }
            )
    return data


def prepare(model, data):
    return model.data_preprocessor(data, True)


def centres(homography, side):
    """Where the middle of each feature lies in the source, and whether it shows it."""
    stride = SIZE / side
    found = []
    for y in range(side):
        for x in range(side):
            middle = torch.tensor([(x + 0.5) * stride, (y + 0.5) * stride, 1.0])
            middle[:2] -= 0.5
            found.append(torch.linalg.inv(homography) @ middle.double())
    return found


def slow_loss(model, step, options, bank=None, source=SOURCE):
    """One anchor at a time; the projector is a copy in float64."""
    objective = model.objectives[0]
    projector = copy.deepcopy(objective.projector)
    projector = projector.double() if projector else torch.nn.Identity()
    pool = options.get("pool", 1)
    features, confidence, labels = [], [], []
    for view in VIEWS:
        output = step.student(step[view])
        embedding = F.avg_pool2d(output.embedding.detach().double(), pool)
        probs = F.avg_pool2d(output.logits.detach().double(), pool).softmax(1)
        features.append(F.normalize(projector(embedding), dim=1).flatten(2))
        confidence.append(probs.amax(1).flatten(1))
        labels.append(probs.argmax(1).flatten(1))
    count, side = len(features[0]), int(features[0].shape[2] ** 0.5)
    pool_of = [
        (features[v][i, :, j].detach(), int(labels[v][i, j]), (i, v, j))
        for i in range(count)
        for v in (0, 1)
        for j in range(side * side)
    ]
    total, partners = 0, {}
    for i in range(count):
        points = [centres(step[view].samples[i].homography, side) for view in VIEWS]
        pairs = [
            (a, b)
            for a, p in enumerate(points[0])
            for b, q in enumerate(points[1])
            if (p - q).abs().max() < 1e-6 and p[:2].max() < source
        ]
        partners.update({(i, 0, a): (i, 1, b) for a, b in pairs})
        partners.update({(i, 1, b): (i, 0, a) for a, b in pairs})
        for direction in (0, 1):
            for pair in pairs:
                mine, other = pair[direction], pair[1 - direction]
                own = confidence[direction][i, mine]
                theirs = confidence[1 - direction][i, other]
                if options.get("directional", True) and not own < theirs:
                    continue
                if options.get("gamma", 0.26) is not None and not theirs > 0.26:
                    continue
                x = features[direction][i, :, mine]
                p = features[1 - direction][i, :, other].detach()
                if options.get("distance") == "l2":
                    total = total + ((x - p) ** 2).sum() / len(pairs) / count
                    continue
                here = (i, direction, mine)
                pushed = torch.zeros(()).double()
                for n, label, where in [*pool_of, *(bank or [])]:
                    if options.get("negatives") == "all":
                        counts = where not in (here, partners[here])
                    else:
                        counts = label != labels[direction][i, mine]
                    if counts:
                        pushed = pushed + torch.exp(x @ n / 0.1)
                pulled = torch.exp(x @ p / 0.1)
                term = -torch.log(pulled / (pulled + pushed))
                total = total + term / len(pairs) / count
    return total, projector, pool_of


OPTIONS = [
    {},
    {"pool": 2},
    {"gamma": None},
    {"directional": False},
    {"negatives": "all"},
    {"negatives": "all", "directional": False},
    {"distance": "l2"},
    {"projector": None},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_slow_loop(options):
    model = build(bank_size=200, **options)
    objective = model.objectives[0]
    bank, boxes = [], COARSE if "pool" in options else BOXES
    for seed in (0, 1):
        step = model.make_step(**prepare(model, crops(seed=seed, boxes=boxes)))
        losses = objective(step)
        loss = losses["loss"]
        expected, projector, negatives = slow_loss(model, step, options, bank)
        expected = 0.1 * expected
        bank += [(n, label, None) for n, label, _ in negatives]
        assert loss > 0
        torch.testing.assert_close(
            loss.detach().double(), expected.detach(), rtol=1e-4, atol=1e-6
        )
        if objective.projector is not None:
            own = torch.autograd.grad(
                loss, list(objective.projector.parameters()), retain_graph=True
            )
            slow = torch.autograd.grad(expected, list(projector.parameters()))
            for one, other in zip(own, slow, strict=True):
                torch.testing.assert_close(one.double(), other, rtol=1e-3, atol=1e-6)
        student = torch.autograd.grad(loss, list(model.segmentor.backbone.parameters()))
        assert any(g.abs().sum() > 0 for g in student)
    if options.get("distance") == "l2":
        assert len(objective.bank) == 0
    else:
        assert len(objective.bank) == min(2 * len(negatives), 200)


def losses_of(model, data):
    return model.objectives[0](model.make_step(**prepare(model, data)))


def test_finds_the_overlap():
    """Image 0: 24 x 16 of 32 x 32 pixels; image 1: 8 x 16."""
    found = losses_of(build(), crops())
    assert found["overlap"] == pytest.approx((3 * 2 + 1 * 2) / 32)


def test_padding_does_not_count():
    """Of a source of 40 x 40 pixels, the crops show only a part."""
    data = crops(source=40)
    model = build()
    step = model.make_step(**prepare(model, data))
    found = model.objectives[0](step)
    # Image 0: 16 to 40 across, 16 to 32 down; image 1: 24 to 32 across, 24 to 40 down.
    assert found["overlap"] == pytest.approx((3 * 2 + 1 * 2) / 32)
    data = crops(source=24)
    found = losses_of(model, data)
    # Image 0: one column and one row of features; image 1: none.
    assert found["overlap"] == pytest.approx(1 / 32)


def test_crops_that_do_not_meet_give_zero():
    data = crops()
    for sample in data["data_samples"][VIEWS[0]]:
        sample.set_metainfo({"homography": place(32, 32, False)})
    for sample in data["data_samples"][VIEWS[1]]:
        sample.set_metainfo({"homography": place(0, 0, False)})
    for reduction in ("overlap", "active"):
        found = losses_of(build(reduction=reduction), data)
        assert found["overlap"] == 0
        assert found["loss"] == 0
        assert torch.isfinite(found["pulled"])


def test_waits_for_its_start():
    model = build(start=1)
    data = prepare(model, crops())
    step = model.make_step(**data)
    loss = model.objectives[0](step)["loss"]
    assert loss == 0
    gradients = torch.autograd.grad(
        loss, list(model.objectives[0].projector.parameters())
    )
    assert all((g == 0).all() for g in gradients)
    assert not step._outputs, "the crops were looked at"
    model.iteration.value = 1
    assert model.objectives[0](model.make_step(**data))["loss"] > 0
    model = build(start=1, projector=None)
    assert model.objectives[0](model.make_step(**data)) == {}


def test_publishes_what_is_pulled():
    model = build(gamma=None)
    step = model.make_step(**prepare(model, crops()))
    model.objectives[0](step)
    names = ("confidence", "confidence_second", "overlap")
    first, second, overlap = (step.signal(name) for name in names)
    there, back = (step.signal(f"pulled_{name}") for name in ("first", "second"))
    assert first.shape == (2, 1, 4, 4)
    assert overlap.sum() == 8
    assert torch.equal(there == 1, (overlap == 1) & (first < second))
    assert torch.equal(back == 1, (overlap == 1) & (first > second))
    maps = model.objectives[0].maps(torch.full((1, 4, 2, 2), 0.25))
    assert (maps["confidence"] == 0.25).all()


def test_number_of_negatives():
    model = build(batch_negatives=10, bank_size=25)
    for pushed in (10, 20, 25):
        losses_of(model, crops())
        assert len(model.objectives[0].bank) == pushed
    model = build(batch_negatives=0)
    assert losses_of(model, crops())["loss"] == 0


@pytest.mark.parametrize("half", [False, True])
def test_trains_in_any_precision(half):
    model = build(bank_size=30)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        losses = model.loss(**prepare(model, crops()))
        total, _ = model.parse_losses(losses)
    total.backward()
    assert total.dtype == torch.float32
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
    assert model.objectives[0].bank.features.dtype == torch.float32


def train(model, wrapper, data, steps, first=0):
    for step in range(first, first + steps):
        model.train_step(data(step), wrapper)


def optimizer(model):
    return build_optim_wrapper(
        model,
        {
            "constructor": "JointOptimWrapperConstructor",
            "segmentor": {"optimizer": {"type": "SGD", "lr": 0.05, "momentum": 0.9}},
        },
    )


def test_resumes_in_the_middle_of_the_bank():
    """The bank of 50 is overwritten for the second time when training is cut."""
    whole = build(bank_size=50, batch_negatives=20)
    wrapper = optimizer(whole)
    train(whole, wrapper, lambda step: crops(seed=step), 4)
    saved = copy.deepcopy((whole.state_dict(), wrapper.state_dict()))
    train(whole, wrapper, lambda step: crops(seed=step), 3, first=4)
    resumed = build(seed=1, bank_size=50, batch_negatives=20)
    wrapper = optimizer(resumed)
    resumed.load_state_dict(saved[0])
    wrapper.load_state_dict(saved[1])
    train(resumed, wrapper, lambda step: crops(seed=step), 3, first=4)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert whole.objectives[0].bank.pushed.value == 7 * 20


def part(data, rank, processes):
    return {
        key: {branch: values[rank::processes] for branch, values in branches.items()}
        for key, branches in data.items()
    }


def options_of(negatives):
    return {
        "reduction": "active",
        "bank_size": 150,
        "batch_negatives": 100,
        "negatives": negatives,
    }


def train_part(rank, negatives):
    model = build(start=1, **options_of(negatives))
    ddp = MMDistributedDataParallel(model, broadcast_buffers=False)
    train(ddp, optimizer(ddp), lambda step: part(crops(4, step), rank, 2), 4)
    return model.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("negatives", ["other_class", "all"])
def test_two_processes_equal_one(negatives):
    """Also with other numbers of pulled pixels in each, and a bank that went round."""
    model = build(start=1, **options_of(negatives))
    train(model, optimizer(model), lambda step: crops(4, step), 4)
    first, second = in_two_processes(train_part, negatives)
    for name, value in model.state_dict().items():
        assert torch.equal(first[name], second[name]), name
        if value.is_floating_point():
            torch.testing.assert_close(value, first[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"negatives": "same"}, "negatives='same'; allowed"),
        ({"distance": "l1"}, "distance='l1'; allowed"),
        ({"reduction": "sum"}, "reduction='sum'; allowed"),
        ({"temperature": 0}, "temperature=0; allowed: above 0"),
        ({"gamma": 1.5}, "gamma=1.5; allowed"),
        ({"pool": 0}, "pool=0; allowed"),
        ({"batch_negatives": -1}, "batch_negatives=-1; allowed"),
        ({"bank_size": -1}, "bank_size=-1; allowed"),
        ({"branches": ("unlabeled",)}, "branches=.*two names"),
        ({"projector": {"width": 3}}, "projector: Projector has no argument 'width'"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ContextContrastObjective(**{"in_channels": 8, "projector": {}, **arguments})


def test_heads_that_do_not_fit_are_named():
    with pytest.raises(
        ValueError, match=r"context_contrast\.in_channels=9, but .* is 8"
    ):
        build(in_channels=9)
    model = build()
    del model.segmentor.decode_head.conv_seg
    named = named_configs([{"type": "ContextContrastObjective", "projector": {}}])
    facts = facts_of(model.segmentor)
    with pytest.raises(ValueError, match="FCNHead has no classifier `conv_seg`.*set"):
        Objectives(named, facts)


def test_crops_that_are_no_views_are_named():
    data = batch(size=SIZE, views=("unlabeled",))
    with pytest.raises(ValueError, match="'unlabeled_second', but the batch has"):
        losses_of(build(), data)
