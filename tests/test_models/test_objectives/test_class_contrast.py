"""Two steps of U2PL against a second implementation, and the edges of its contrast."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmengine.logging import MessageHub
from mmseg.registry import MODELS

from mmseg_semisup.composition import resolve_method
from mmseg_semisup.models.objectives import ClassContrastObjective
from mmseg_semisup.models.objectives.class_contrast import Pixels
from mmseg_semisup.models.policies.mix import partners, random_boxes

SIZE, STRIDE, IMAGES = 16, 8, 3
ANCHORS, NEGATIVES, ROOM = 5, 4, 12
ITERATIONS = 8
CODE = {
    "anchors": "lowest",
    "positives": "labels",
    "negatives": "own_label",
    "order": "position",
}
BN = {"type": "BN", "requires_grad": True}


def model_of(classes=4, norm=BN, **changes):
    """The block's model in double precision, with few anchors and negatives."""
    MessageHub.get_current_instance().update_info("max_iters", ITERATIONS)
    block = resolve_method("u2pl")
    segmentor = tiny_segmentor(classes, norm_cfg=norm)
    segmentor["backbone"]["norm_cfg"] = norm
    small = {
        "projector": {"channels": 5},
        "num_anchors": ANCHORS,
        "num_negatives": NEGATIVES,
        "memory_size": ROOM,
        "unreliable": 0.6,
        "weight": 3.0,
        "ranks": (1, 20),
        "start": 0,
    }
    objectives = block["objectives"]
    consistency = {**objectives["consistency"], "start": 0}
    consistency["select"] = {"type": "EntropyPercentile", "unreliable": 0.6}
    teacher = {"momentum": 0.75, "ramp": False}
    if changes.get("negatives") == "own_label":
        # In the code, the teacher that gives keys has statistics of the batch.
        teacher["norm"] = "own"
        labels = {"type": "NetworkLabels", "network": "teacher", "evaluation": True}
        consistency["labels_from"] = labels
    torch.manual_seed(3)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": PREPROCESSOR,
            "teacher": teacher,
            "objectives": {
                "consistency": consistency,
                "contrast": {**objectives["contrast"], **small, **changes},
            },
        }
    )
    torch.nn.init.normal_(model.segmentor.decode_head.conv_seg.weight, std=0.7)
    return model.double().train()


def batch_of(model, classes=4, seed=0, size=SIZE, images=IMAGES, shown=None):
    """A batch in which an unlabelled image ends before its crop does."""
    data = model.data_preprocessor(batch(images, images, size, seed=seed), True)
    for one in data["data_samples"]["labeled"]:
        mask = one.gt_sem_seg.data
        mask[(mask != 255) & (mask >= classes)] = 0
        if shown is not None:
            mask[..., shown:] = 255
    samples = data["data_samples"]["unlabeled"]
    for one in samples[-1:] if shown is None else samples:
        columns = size - 5 if shown is None else shown
        one.set_metainfo({"source_shape": (size, columns)})
    data["inputs"] = {name: x.double() for name, x in data["inputs"].items()}
    return data


def predict(network, images):
    """Logits of the head, those of the pixels, and what the classifier reads."""
    head, kept = network.decode_head, []
    hook = head.conv_seg.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
    logits = head(network.backbone(images))
    hook.remove()
    size, corners = images.shape[-2:], head.align_corners
    large = F.interpolate(logits, size, mode="bilinear", align_corners=corners)
    return logits, large, kept[0]


class Rings:
    """The memories as lists with a place to write next."""

    def __init__(self, classes, most):
        self.rows = [[] for _ in range(classes)]
        self.next = [0] * classes
        self.most = most

    def push(self, c, rows):
        if len(rows) > self.most:
            rows = [rows[i * len(rows) // self.most] for i in range(self.most)]
        for row in rows:
            if len(self.rows[c]) < ROOM:
                self.rows[c].append(row)
            else:
                self.rows[c][self.next[c] % ROOM] = row
            self.next[c] += 1


def entropy(p):
    return -sum(q * math.log(q) for q in p.tolist() if q > 0)


def percentile(values, share):
    return np.percentile(values, 100 * share) + 1e-12


def reference(model, rings, average, data, progress, code):
    """One step in loops over pixels and classes, of the paper or of the code."""
    network, teacher, x = model.segmentor, model.teacher.network, data["inputs"]
    masks = torch.cat([s.gt_sem_seg.data for s in data["data_samples"]["labeled"]])
    share = 0.6 * (1 - progress)
    teacher.eval()
    with torch.no_grad():
        _, judged, _ = predict(teacher, x["unlabeled"])
    model.teacher.train()
    probs, labels = judged.softmax(1), judged.argmax(1)
    count = len(labels)
    valid = torch.ones_like(labels, dtype=torch.bool)
    valid[-1, :, SIZE - 5 :] = False
    pixels = [tuple(place) for place in torch.nonzero(valid).tolist()]
    found = {(n, i, j): entropy(probs[n, :, i, j]) for n, i, j in pixels}
    limit = percentile(list(found.values()), 1 - share)
    kept = torch.zeros_like(valid)
    for place in pixels:
        kept[place] = bool(found[place] <= limit)
    boxes = random_boxes(count, (SIZE, SIZE), (0.5, 0.5), "cpu")
    boxes = boxes & (torch.rand(count, 1, 1) < 0.5)
    partner = partners(count, "next", "cpu").tolist()
    mixed = []
    for part in (x["unlabeled"], labels, kept, valid):
        mixed.append(part.clone())
        for n in range(count):
            mixed[-1][n][..., boxes[n]] = part[partner[n]][..., boxes[n]]
    images, labels, kept, valid = mixed
    together = torch.cat([x["labeled"], images])
    _, large, embedding = predict(network, together)
    loss = F.cross_entropy(large[:count], masks, ignore_index=255)
    learnt = F.cross_entropy(large[count:], labels, reduction="none")[kept]
    loss = loss + learnt.mean() * int(valid.sum()) / len(learnt)

    # What each feature is, in the order of the positions.
    with torch.no_grad():
        small, large_t, keys = predict(teacher, together)
        keys = average(keys)
    sharp = large_t[count:].softmax(1)
    pixels = [tuple(place) for place in torch.nonzero(valid).tolist()]
    found = {(n, i, j): entropy(sharp[n, :, i, j]) for n, i, j in pixels}
    high = percentile(list(found.values()), 1 - share)
    low = percentile(list(found.values()), share) if code else high
    classes = small.shape[1]
    members, anchors, negatives = ([[] for _ in range(classes)] for _ in range(3))
    small, grid = small.softmax(1), range(SIZE // STRIDE)
    for n in range(2 * count):
        for i in grid:
            for j in grid:
                there = (n % count, i * STRIDE, j * STRIDE)
                own = int((masks if n < count else labels)[there])
                shown = own != 255 if n < count else bool(valid[there])
                reliable = shown if n < count else shown and found[there] <= low
                unsure = shown if n < count else shown and found[there] > high
                for c in range(classes):
                    p = small[n, :, i, j]
                    rank = int((p > p[c]).sum())
                    if reliable and own == c:
                        members[c].append((n, i, j))
                        if p[c] > 0.3:
                            anchors[c].append((n, i, j))
                    if n < count:
                        bad = not code and own != c and rank < 1
                    else:
                        bad = (own == c or not code) and rank >= 1
                    if unsure and bad:
                        negatives[c].append((n, i, j))
    for c in range(classes):
        rings.push(c, [keys[n, :, i, j] for n, i, j in negatives[c]])
    present = [c for c in range(classes) if members[c]]
    pairs = list(enumerate(present)) if code else [(c, c) for c in present]
    picks, draws = (
        torch.rand(classes, ANCHORS),
        torch.rand(classes, ANCHORS, NEGATIVES),
    )
    contrast = embedding.sum() * 0
    for c, of in pairs:
        if not anchors[c] or not rings.rows[of]:
            continue
        center = [keys[n, :, i, j] for n, i, j in (members if code else anchors)[c]]
        center, of_class = sum(center) / len(center), 0
        for m in range(ANCHORS):
            n, i, j = anchors[c][int(picks[c, m] * len(anchors[c]))]
            anchor = model.objectives["contrast"].projector(
                embedding[n, :, i, j].view(1, -1, 1, 1)
            )
            rest = [rings.rows[of][int(u * len(rings.rows[of]))] for u in draws[c, m]]
            cosines = torch.stack(
                [F.cosine_similarity(anchor.flatten(), k, 0) for k in (center, *rest)]
            )
            of_class = of_class - (cosines / 0.5).log_softmax(0)[0]
        contrast = contrast + of_class / ANCHORS
    return loss, 3 * contrast / len(present)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("code", [False, True])
@pytest.mark.slow
def test_steps_equal_the_reference(classes, code):
    changes = {"new_negatives": 9, **(CODE if code else {})}
    model, other = (model_of(classes, **changes) for _ in range(2))
    optimizers = [torch.optim.SGD(m.parameters(), 0.05) for m in (model, other)]
    contrast = other.objectives["contrast"]
    rings, average, terms = Rings(classes, 9), contrast.average, []
    for step in range(3):
        data = batch_of(model, classes, step)
        torch.manual_seed(20 + step)
        loss = model.parse_losses(model(**data, mode="loss"))[0]
        if step == 0:
            other.teacher.copy_from(other.segmentor)
        torch.manual_seed(20 + step)
        rest, term = reference(other, rings, average, data, step / ITERATIONS, code)
        expected = rest + term
        terms.append(term.item())
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
        for optimizer, value in zip(optimizers, (loss, expected), strict=True):
            optimizer.zero_grad()
            value.backward()
        mine, theirs = (dict(m.named_parameters()) for m in (model, other))
        for name in mine:
            if mine[name].requires_grad:
                found, wanted = mine[name].grad, theirs[name].grad
                assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-7), name
        for optimizer in optimizers:
            optimizer.step()
        model.follow()
        other.teacher.update(other.segmentor)
        with torch.no_grad():
            for old, new in zip(
                average.parameters(), contrast.projector.parameters(), strict=True
            ):
                old.copy_(0.75 * old + 0.25 * new)
    memory = model.objectives["contrast"].memory
    assert memory.counts.tolist() == [len(rows) for rows in rings.rows]
    assert min(terms[1:]) > 0.1
    assert code or memory.counts.min() == ROOM


def contrast_of(model, **images):
    """The step's contrast alone, once the memory has something of each class."""
    objective = model.objectives["contrast"]
    step = model.make_step(**batch_of(model, **images))
    model.objectives["consistency"](step)
    return objective, objective(step)


GROUPS = {"type": "GN", "num_groups": 2}


@pytest.mark.parametrize(
    "images", [{"shown": 0}, {"size": 1, "images": 1}, {"images": 1}]
)
@pytest.mark.parametrize("classes", [2, 4])
def test_where_there_is_little_to_learn(images, classes):
    """All pixels ignored, one pixel, one image."""
    model = model_of(classes, GROUPS)
    objective, found = contrast_of(model, classes=classes, **images)
    assert found["loss"].isfinite()
    assert found["loss"] == 0 or "shown" not in images
    found["loss"].backward()
    trained = [*objective.projector.parameters(), *model.segmentor.parameters()]
    given = [p.grad for p in trained if p.grad is not None]
    assert given
    assert all(gradient.isfinite().all() for gradient in given)
    assert objective.memory.features.isfinite().all()


def test_a_class_that_the_memory_never_saw_has_no_loss():
    """Every labelled pixel is of class 0, and the teacher is sure of class 0."""
    model = model_of(4, GROUPS, unreliable=0.0)
    for network in (model.segmentor, model.teacher.network):
        torch.nn.init.constant_(network.decode_head.conv_seg.bias[:1], 900.0)
    data = batch_of(model)
    for one in data["data_samples"]["labeled"]:
        one.gt_sem_seg.data.fill_(0)
    objective, step = model.objectives["contrast"], model.make_step(**data)
    model.objectives["consistency"](step)
    found = objective(step)
    assert found["loss"] == 0
    assert found["contrasted"] == 0
    assert objective.memory.counts.tolist() == [0, 0, 0, 0]
    found["loss"].backward()
    assert all(not p.grad.any() for p in objective.projector.parameters())


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 21, 150])
def test_the_ranks_of_unlikely_classes(classes):
    objective = ClassContrastObjective(4, classes, None, memory_size=1)
    expected = {1: 1, 2: 1, 3: 2}.get(classes, 3)
    assert (objective.first_rank, objective.end_rank) == (expected, 20)


def test_two_classes_have_unreliable_negatives():
    """With the published ranks 3 to 20, their memory stays empty."""
    model = model_of(2, GROUPS, ranks=(3, 20))
    objective, found = contrast_of(model, classes=2)
    assert objective.memory.counts.min() > 0
    assert found["contrasted"] == 1
    assert found["loss"] > 0


def test_one_class_has_no_negatives():
    objective = ClassContrastObjective(4, 1, None, memory_size=3)
    pixels = torch.ones(6, dtype=torch.bool)
    for labeled in (True, False):
        part = (torch.zeros(6).long(), torch.ones(6, 1), labeled, pixels, pixels)
        roles = objective.roles(Pixels(*part))
        assert roles.members.all()
        assert not roles.negatives.any()


def test_the_projection_follows_the_teacher():
    model = model_of()
    objective = model.objectives["contrast"]
    before = [p.clone() for p in objective.average.parameters()]
    with torch.no_grad():
        for parameter in objective.projector.parameters():
            parameter.add_(1)
    model.iteration.value = 1
    model.follow()
    for old, new in zip(before, objective.average.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.25)


def test_without_mixing_the_teacher_labels_the_view():
    model = model_of(4, GROUPS, of=None)
    objective = model.objectives["contrast"]
    assert objective.reads == ("labeled", "unlabeled")
    found = objective(model.make_step(**batch_of(model)))
    assert found["loss"] > 0


def test_a_missing_objective_is_named():
    model = model_of(of="consistncy")
    with pytest.raises(ValueError, match=r"contrast.of='consistncy'"):
        contrast_of(model)


def test_before_its_start_it_has_a_loss_of_zero():
    model = model_of(start=5)
    found = model.objectives["contrast"](model.make_step(**batch_of(model)))
    found["loss"].backward()
    assert found["loss"] == 0
    assert model.objectives["contrast"].memory.counts.sum() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"anchors": "all"},
        {"ranks": (0, 3)},
        {"ranks": (3, 3)},
        {"threshold": 2},
        {"unreliable": -0.1},
        {"num_anchors": 0},
        {"num_negatives": 0},
        {"new_negatives": 0},
        {"temperature": 0},
        {"memory_size": 0},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        ClassContrastObjective(4, 3, None, **wrong)
