"""One step of each method against a second, straightforward implementation."""

import functools
import math

import pytest
import torch
import torch.nn.functional as F
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from reference_steps import compare_steps
from tiny_encoders import DINOV2

from mmseg_semisup.composition import resolve_method
from mmseg_semisup.models.policies import CutMix, Target
from mmseg_semisup.models.step.view import View

BN = {"type": "BN", "requires_grad": True}
VIEWS = (
    "unlabeled",
    "unlabeled_strong",
    "unlabeled_strong_2",
    "partner",
    "partner_strong",
    "partner_strong_2",
)
SIZE = 28


def tiny_vit():
    """A DINOv2 of four narrow blocks, and UniMatch V2's decoder."""
    pytest.importorskip("transformers")
    segmentor = tiny_segmentor()
    segmentor["backbone"] = {"type": "TransformersBackbone", "arch": DINOV2}
    segmentor["decode_head"] = {
        "type": "UniMatchDPTHead",
        "in_channels": 16,
        "channels": 8,
        "out_channels": [8] * 4,
        "num_classes": NUM_CLASSES,
        "loss_decode": {"type": "PixelCrossEntropy"},
    }
    return segmentor


def model_of(method, threshold=0.3, vit=False, **changes):
    """The block's model in double precision; a CNN has batch statistics."""
    block = resolve_method(method)
    segmentor = tiny_vit() if vit else tiny_segmentor(norm_cfg=BN)
    if not vit:
        segmentor["backbone"]["norm_cfg"] = BN
    objective = {**block["objectives"]["unimatch"], "threshold": threshold, **changes}
    torch.manual_seed(3)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": PREPROCESSOR,
            "teacher": block.get("teacher"),
            "labeled_weight": block["labeled_weight"],
            "objectives": {"unimatch": objective},
        }
    )
    return model.double().train()


def batch_of(model, count=3):
    """A batch; the last images end before the crops do, those of partners earlier."""
    data = batch(count, count, SIZE, views=VIEWS)
    data = model.data_preprocessor(data, True)
    for name in VIEWS:
        width = SIZE - (14 if name.startswith("partner") else 7)
        data["data_samples"][name][-1].set_metainfo({"source_shape": (SIZE, width)})
    data["inputs"] = {name: x.double() for name, x in data["inputs"].items()}
    return data


def upsampled(network, logits):
    corners = network.decode_head.align_corners
    return F.interpolate(logits, (SIZE, SIZE), mode="bilinear", align_corners=corners)


def judged(network, images, evaluation):
    mode = network.training
    network.train(not evaluation)
    with torch.no_grad():
        feats = network.backbone(images)
        logits = upsampled(network, network.decode_head(feats))
    network.train(mode)
    probs = logits.softmax(1)
    return probs.amax(1), probs.argmax(1)


def pixel_loss(logits, labels, confidence, threshold, valid):
    """Sum over valid pixels of [c >= tau] CE, divided by their number, in a loop."""
    total = logits.new_zeros(())
    logs = logits.log_softmax(1)
    for n, y, x in torch.nonzero(valid).tolist():
        if confidence[n, y, x] >= threshold:
            total = total - logs[n, labels[n, y, x], y, x]
    return total / max(int(valid.sum()), 1)


def valid_of(data, name):
    samples = data["data_samples"][name]
    return View(name, data["inputs"][name], samples, 255).valid


def supervised(network, logits, data):
    labels = torch.cat([s.gt_sem_seg.data for s in data["data_samples"]["labeled"]])
    return F.cross_entropy(upsampled(network, logits), labels, ignore_index=255)


def mixed(policy, images, others, maps, other_maps):
    confidence, labels, valid = maps
    target = Target(View("unlabeled", images), labels, confidence, valid)
    mixing = policy(target, None)
    partner = [m[mixing.partner] for m in (others, *other_maps)]
    result = []
    for own, pasted in zip((images, *maps), partner, strict=True):
        mask = mixing.mask.unsqueeze(1) if own.ndim == 4 else mixing.mask
        result.append(torch.where(mask, pasted, own))
    return result


def reference_fixmatch(model, data, threshold):
    network, x = model.segmentor, data["inputs"]
    confidence, labels = judged(model.teacher.network, x["unlabeled"], True)
    valid = valid_of(data, "unlabeled_strong")
    policy, strong = model.objectives["unimatch"].mix, x["unlabeled_strong"]
    maps = (confidence, labels, valid)
    images, confidence, labels, valid = mixed(policy, strong, strong, maps, maps)
    count = len(x["labeled"])
    logits = network.decode_head(network.backbone(torch.cat([x["labeled"], images])))
    on_strong = upsampled(network, logits[count:])
    first = supervised(network, logits[:count], data)
    return (first + pixel_loss(on_strong, labels, confidence, threshold, valid)) / 2


def reference_student(model, data, threshold):
    """FixMatch without a teacher: three passes of the student."""
    network, x = model.segmentor, data["inputs"]
    count = len(x["labeled"])
    both = network.backbone(torch.cat([x["labeled"], x["unlabeled"]]))
    logits = network.decode_head(both)
    probs = upsampled(network, logits[count:]).detach().softmax(1)
    maps = (probs.amax(1), probs.argmax(1), valid_of(data, "unlabeled_strong"))
    others = judged(network, x["partner"], True)
    others = (*others, valid_of(data, "partner_strong"))
    strong, policy = x["unlabeled_strong"], model.objectives["unimatch"].mix
    parts = mixed(policy, strong, x["partner_strong"], maps, others)
    images, confidence, labels, valid = parts
    on_strong = upsampled(network, network.decode_head(network.backbone(images)))
    first = supervised(network, logits[:count], data)
    return (first + pixel_loss(on_strong, labels, confidence, threshold, valid)) / 2


def complementary(feats, count):
    """Both views' features; a channel of an image is kept in one of the two."""
    kept = torch.randperm(count) < count // 2
    factors, changed = {}, []
    for feat in feats:
        channels = feat.shape[1]
        if channels not in factors:
            drawn = 2.0 * (torch.rand(count, channels, 1, 1) < 0.5)
            factors[channels] = torch.where(kept.view(-1, 1, 1, 1), 1.0, drawn)
        changed.append(feat * torch.cat([factors[channels], 2 - factors[channels]]))
    return changed


def independent(feats, count):
    """Both views' features; each has dropped channels of its own."""
    views = [
        [F.dropout2d(feat[rows], 0.5) for feat in feats]
        for rows in (slice(0, count), slice(count, None))
    ]
    return [torch.cat(pair) for pair in zip(*views, strict=True)]


def reference_v2(model, data, threshold, perturb=complementary):
    network, x = model.segmentor, data["inputs"]
    labeled = network.decode_head(network.backbone(x["labeled"]))
    confidence, labels = judged(model.teacher.network, x["unlabeled"], True)
    policy = model.objectives["unimatch"].mix
    parts = []
    for name in ("unlabeled_strong", "unlabeled_strong_2"):
        maps = (confidence, labels, valid_of(data, name))
        parts.append(mixed(policy, x[name], x[name], maps, maps))
    feats = network.backbone(torch.cat([part[0] for part in parts]))
    count = len(x["unlabeled"])
    logits = upsampled(network, network.decode_head(perturb(feats, count)))
    losses = [
        pixel_loss(part_logits, part[2], part[1], threshold, part[3])
        for part_logits, part in zip(logits.split(count), parts, strict=True)
    ]
    return (supervised(network, labeled, data) + sum(losses) / 2) / 2


def reference_v1(model, data, threshold):
    network, x = model.segmentor, data["inputs"]
    count = len(x["labeled"])
    feats = network.backbone(torch.cat([x["labeled"], x["unlabeled"]]))
    dropped = [
        [F.dropout2d(feat[rows], 0.5) for feat in feats]
        for rows in (slice(0, count), slice(count, None))
    ]
    doubled = [
        torch.cat([feat, *maps]) for feat, *maps in zip(feats, *dropped, strict=True)
    ]
    logits = network.decode_head(doubled)
    on_weak = upsampled(network, logits[count : 2 * count])
    on_dropped = upsampled(network, logits[3 * count :])
    probs = on_weak.detach().softmax(1)
    confidence, labels = probs.amax(1), probs.argmax(1)
    other_confidence, other_labels = judged(network, x["partner"], True)
    policy, parts = model.objectives["unimatch"].mix, []
    for suffix in ("_strong", "_strong_2"):
        name, other = f"unlabeled{suffix}", f"partner{suffix}"
        maps = (confidence, labels, valid_of(data, name))
        others = (other_confidence, other_labels, valid_of(data, other))
        parts.append(mixed(policy, x[name], x[other], maps, others))
    strong = network.backbone(torch.cat([part[0] for part in parts]))
    strong = upsampled(network, network.decode_head(strong))
    first, second = (
        pixel_loss(part_logits, part[2], part[1], threshold, part[3])
        for part_logits, part in zip(strong.split(count), parts, strict=True)
    )
    valid = valid_of(data, "unlabeled")
    feature = pixel_loss(on_dropped, labels, confidence, threshold, valid)
    labeled = supervised(network, logits[:count], data)
    return (labeled + first / 4 + second / 4 + feature / 2) / 2


CHANNELS = {"type": "ChannelDropout", "probability": 0.5}
CASES = {
    "fixmatch": ("fixmatch", {}, reference_fixmatch),
    "fixmatch_student": ("fixmatch_student", {}, reference_student),
    "unimatch_v1": ("unimatch_v1", {}, reference_v1),
    "unimatch_v1 on a ViT": ("unimatch_v1", {"vit": True}, reference_v1),
    "unimatch_v2": ("unimatch_v2", {}, reference_v2),
    "unimatch_v2 on a ViT": ("unimatch_v2", {"vit": True}, reference_v2),
    "two views": (
        "unimatch_v2",
        {"perturb": None},
        functools.partial(reference_v2, perturb=lambda feats, count: feats),
    ),
    "independent dropout": (
        "unimatch_v2",
        {"perturb": CHANNELS},
        functools.partial(reference_v2, perturb=independent),
    ),
}
"""Name to block, changes of its objective, and the second implementation."""
METHODS = sorted({block for block, _, _ in CASES.values()})


BOTH_ENDS = [(case, threshold) for case in METHODS for threshold in (0.0, 1.0)]
"""All pixels selected, and none."""


@pytest.mark.parametrize(
    ("case", "threshold"), [*((case, 0.3) for case in CASES), *BOTH_ENDS]
)
def test_two_steps_equal_the_reference(case, threshold):
    method, changes, reference = CASES[case]
    pair = (model_of(method, threshold, **changes) for _ in range(2))
    compare_steps(*pair, batch_of, lambda *given: reference(*given, threshold))


@pytest.mark.parametrize("method", METHODS)
def test_figures_of_the_first_iteration(method):
    """A classifier of zeros gives every class the same probability."""
    model = model_of(method, threshold=0.95)
    torch.nn.init.zeros_(model.segmentor.decode_head.conv_seg.weight)
    torch.nn.init.zeros_(model.segmentor.decode_head.conv_seg.bias)
    losses = model(**batch_of(model), mode="loss")
    figures = {name: value.item() for name, value in losses.items() if "loss" in name}
    labeled = figures.pop("labeled.decode.loss_ce")
    assert labeled == pytest.approx(math.log(NUM_CLASSES) / 2)
    assert set(figures.values()) == {0.0}
    assert losses["unimatch.selected"] == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2])
def test_few_images(method, count):
    model = model_of(method, 0.0)
    if count == 1:
        model.eval()  # batch normalisation needs more than one value of a channel
    losses = model(**batch_of(model, count), mode="loss")
    assert all(torch.isfinite(value) for value in losses.values())


def test_ignored_images_give_zero():
    model = model_of("unimatch_v2", 0.0)
    data = batch_of(model)
    for name in ("unlabeled", "unlabeled_strong", "unlabeled_strong_2"):
        for sample in data["data_samples"][name]:
            sample.set_metainfo({"padding_size": (0, SIZE, 0, SIZE)})
            sample.set_metainfo({"source_shape": (0, 0)})
    losses = model(**data, mode="loss")
    assert losses["unimatch.loss_strong"] == 0


def test_the_views_and_networks_that_are_needed():
    v1 = model_of("unimatch_v1").objectives["unimatch"]
    assert set(v1.reads) == set(VIEWS)
    assert v1.mixes == ()
    assert v1.joins == ("labeled",)
    student = model_of("fixmatch_student").objectives["unimatch"]
    assert set(student.reads) == set(VIEWS) - {"unlabeled_strong_2", "partner_strong_2"}
    assert student.joins == ("labeled",)
    v2 = model_of("unimatch_v2").objectives["unimatch"]
    assert set(v2.reads) == {"unlabeled", "unlabeled_strong", "unlabeled_strong_2"}
    assert v2.mixes == ("unlabeled_strong", "unlabeled_strong_2")
    assert tuple(v2.needs) == ("teacher",)
    assert isinstance(v2.mix, CutMix)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strong": []}, "at least one strong view"),
        ({"strong": ["unlabeled", "unlabeled_strong"]}, "not the weak one"),
        ({"strong": ["unlabeled_strong"] * 2}, "each named once"),
        ({"partners": {"unlabeled": "x"}}, "partners of"),
        ({"feature_share": 2}, "feature_share=2"),
        ({"start": -1}, "start=-1"),
        ({"strong": ["unlabeled_strong"]}, "between two views, not 1"),
    ],
)
def test_mistakes_are_named(changes, message):
    def train():
        model = model_of("unimatch_v2", 0.0, **changes)
        model(**batch_of(model), mode="loss")

    with pytest.raises(ValueError, match=message):
        train()
