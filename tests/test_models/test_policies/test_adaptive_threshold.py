"""Thresholds of classes against the papers' equations, pixel by pixel in float64."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmengine.logging import MessageHub
from mmseg.registry import MODELS
from processes import in_two_processes

from mmseg_semisup.models.policies import CurriculumThreshold, SelfAdaptiveThreshold
from mmseg_semisup.models.policies.adaptive_threshold import class_indices
from mmseg_semisup.models.step.step import Step
from mmseg_semisup.models.training_facts import IMAGES

VIEWS = ("unlabeled", "unlabeled_strong")
TAU = 0.6


def judged(seed, images=2, size=5, classes=3, ignored=0.2):
    """A judgement as the policies read it; ignored pixels have no label."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(images, classes, size, size, generator=generator)
    logits[:, 0] += 1
    probs = logits.softmax(dim=1)
    valid = torch.rand(images, size, size, generator=generator) >= ignored
    confidence, labels = probs.max(dim=1)
    return SimpleNamespace(
        probs=probs,
        confidence=confidence,
        labels=labels.masked_fill(~valid, 255),
        valid=valid,
        seen=Seen(images),
    )


class Seen:
    name = "unlabeled"

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count


def select(policy, judgement):
    return policy(judgement, Step({}, {}, {}, iteration=0))


def pixels(judgement):
    """Probabilities and position of each valid pixel."""
    for n, y, x in judgement.valid.nonzero().tolist():
        yield judgement.probs[n, :, y, x].double(), (n, y, x)


def slow_curriculum(sigma, judgement, images, warm_up, convex):
    """Selection by Eqs. 6, 7, 11 and 12, and the learning status of Eq. 5 after it."""
    unused = 1 - sum(sigma) if warm_up else 0
    most = max(max(sigma), unused)
    beta = [s / most if most else 0.0 for s in sigma]
    level = [TAU * (b / (2 - b) if convex else b) for b in beta]
    chosen = torch.zeros_like(judgement.valid)
    counts, total = [0] * len(sigma), 0
    for probs, place in pixels(judgement):
        c = int(probs.argmax())
        chosen[place] = bool(probs[c] >= level[c])
        counts[c] += bool(probs[c] >= TAU)
        total += 1
    rate = min(len(judgement.seen) / images, 1)
    if total:
        moved = zip(sigma, counts, strict=True)
        sigma = [(1 - rate) * s + rate * n / total for s, n in moved]
    return chosen, level, sigma


@pytest.mark.parametrize(("warm_up", "mapping"), [(True, "convex"), (False, "linear")])
def test_curriculum_of_flexmatch(warm_up, mapping):
    policy = CurriculumThreshold(3, TAU, mapping, warm_up, images=5)
    sigma = [0.0] * 3
    for seed in range(6):
        judgement = judged(seed, ignored=1.1 if seed == 3 else 0.2)
        chosen, level, sigma = slow_curriculum(
            sigma, judgement, 5, warm_up, mapping == "convex"
        )
        expected = torch.tensor(level, dtype=torch.float64)
        torch.testing.assert_close(policy.level.double(), expected)
        assert torch.equal(select(policy, judgement), chosen)
        torch.testing.assert_close(
            policy.status.double(), torch.tensor(sigma, dtype=torch.float64)
        )
    # The first steps have lower thresholds than the last, and classes differ.
    assert level[0] > 1.2 * level[1]


def slow_adaptive(state, judgement, m):
    """Eqs. 5, 6, 8 and 9 of FreeMatch."""
    tau, shares = state
    found = [probs for probs, _ in pixels(judgement)]
    if found:
        tau = m * tau + (1 - m) * sum(float(p.max()) for p in found) / len(found)
        means = [sum(float(p[c]) for p in found) / len(found) for c in range(3)]
        shares = [m * s + (1 - m) * x for s, x in zip(shares, means, strict=True)]
    level = [tau * s / max(shares) for s in shares]
    chosen = torch.zeros_like(judgement.valid)
    for probs, place in pixels(judgement):
        c = int(probs.argmax())
        chosen[place] = bool(probs[c] >= level[c])
    return chosen, level, (tau, shares)


def test_self_adaptive_thresholds_of_freematch():
    policy = SelfAdaptiveThreshold(3, momentum=0.7)
    state = (1 / 3, [1 / 3] * 3)
    torch.testing.assert_close(policy.level, torch.full((3,), 1 / 3))
    for seed in range(6):
        judgement = judged(seed, ignored=1.1 if seed == 3 else 0.2)
        chosen, level, state = slow_adaptive(state, judgement, 0.7)
        assert torch.equal(select(policy, judgement), chosen)
        expected = torch.tensor(level, dtype=torch.float64)
        torch.testing.assert_close(policy.level.double(), expected)
    assert 0 < chosen.sum() < judgement.valid.sum()
    assert level[0] > 1.2 * level[1]


POLICIES = {
    "curriculum": lambda c: CurriculumThreshold(c, TAU, images=5),
    "self_adaptive": lambda c: SelfAdaptiveThreshold(c, 0.7),
}


@pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize(("size", "classes"), [(1, 3), (3, 1), (1, 1)])
def test_one_pixel_and_one_class(make, size, classes):
    policy = make(classes)
    for seed in range(3):
        judgement = judged(seed, 1, size, classes, ignored=0.0)
        assert select(policy, judgement).dtype == torch.bool
        assert torch.isfinite(policy.level).all()
        assert 0 <= policy.level.min() <= policy.level.max() <= 1
    if classes == 1:
        assert select(policy, judgement).all()


@pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)
def test_the_state_moves_once_a_step_and_survives_a_resume(make):
    policy, data = make(3), [judged(seed) for seed in range(4)]
    select(policy, data[0])
    resumed = make(3)
    resumed.load_state_dict(copy.deepcopy(policy.state_dict()))
    step = Step({}, {}, {}, iteration=1)
    first, second = policy(data[1], step), policy(data[1], step)
    assert torch.equal(first, second)
    assert torch.equal(select(resumed, data[1]), first)
    for name, value in policy.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def in_parts(rank):
    """Each process has one image of two; the last step has none that count in one."""
    found = []
    for make in POLICIES.values():
        policy = make(3)
        for seed in range(3):
            whole = judged(seed)
            part = slice(rank, rank + 1)
            own = SimpleNamespace(
                probs=whole.probs[part],
                confidence=whole.confidence[part],
                labels=whole.labels[part],
                valid=whole.valid[part],
                seen=Seen(1),
            )
            chosen = select(policy, own)
        found.append((chosen, policy.state_dict()))
    return found


@pytest.mark.slow
def test_two_processes_are_one_with_both_images():
    results = in_two_processes(in_parts)
    for number, make in enumerate(POLICIES.values()):
        policy = make(3)
        for seed in range(3):
            chosen = select(policy, judged(seed))
        for rank, found in enumerate(results):
            part, state = found[number]
            assert torch.equal(part[0], chosen[rank])
            for name, value in policy.state_dict().items():
                torch.testing.assert_close(state[name], value)


@pytest.fixture
def images():
    hub = MessageHub.get_current_instance()
    hub.update_info(IMAGES, {"unlabeled": 10})
    yield 10
    hub.update_info(IMAGES, {})


@pytest.mark.parametrize(
    "select",
    [
        {"type": "CurriculumThreshold", "threshold": 0.4},
        {"type": "SelfAdaptiveThreshold"},
    ],
)
@pytest.mark.parametrize("objective", ["ConsistencyObjective", "UniMatchObjective"])
def test_one_line_in_an_objective(images, select, objective):
    cfg = {"type": objective, "select": select, "mix": "none"}
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
    step = model.make_step(**model.data_preprocessor(batch(size=16, views=VIEWS), True))
    policy = model.objectives["learn"].select
    assert policy.num_classes == NUM_CLASSES
    before = copy.deepcopy(policy.state_dict())
    losses = model.objectives["learn"](step)
    assert 0 < losses["selected"] <= 1
    for name, value in policy.state_dict().items():
        assert not torch.equal(before[name], value), name
        assert f"objectives.learn.select.{name}" in model.state_dict()


def test_the_number_of_images_is_needed():
    with pytest.raises(ValueError, match="images behind the view 'unlabeled'"):
        select(CurriculumThreshold(3), judged(0))


def test_another_number_of_classes_is_refused():
    cfg = {
        "type": "ConsistencyObjective",
        "select": {"type": "SelfAdaptiveThreshold", "num_classes": 7},
    }
    with pytest.raises(ValueError, match=r"learn\.select\.num_classes=7, but the num"):
        MODELS.build(
            {
                "type": "SemiSegmentor",
                "segmentor": tiny_segmentor(),
                "teacher": {"momentum": 0.9},
                "objectives": {"learn": cfg},
            }
        )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: CurriculumThreshold(3, 1.5), r"threshold=1\.5; allowed: 0 to 1"),
        (lambda: CurriculumThreshold(3, mapping="concave"), "mapping='concave'; allow"),
        (lambda: CurriculumThreshold(3, images=0), "images=0; allowed: 1 or more"),
        (lambda: SelfAdaptiveThreshold(3, 1.0), r"momentum=1\.0; allowed: 0 to below"),
        (lambda: SelfAdaptiveThreshold(0), "num_classes=0; allowed: 1 or more"),
    ],
)
def test_arguments_out_of_range(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_pixels_without_a_label_have_an_index():
    judgement = judged(0)
    assert int(class_indices(judgement).max()) < 3
