"""One step of CutOut, interpolation and ClassMix against a second implementation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from reference_steps import compare_steps, predict

from mmseg_semisup.composition import resolve_method
from mmseg_semisup.models.policies import Target
from mmseg_semisup.models.step.view import View

METHODS = ("cutout", "ict", "classmix")
STRONG = "unlabeled_strong"
VIEWS = ("unlabeled", STRONG)
SIZE = 16
BN = {"type": "BN", "requires_grad": True}


def model_of(method, threshold=0.3, norm=BN, bias=0.0, **changes):
    """The block's model in double precision, with batch statistics."""
    block = resolve_method(method)
    segmentor = tiny_segmentor(norm_cfg=norm)
    segmentor["backbone"]["norm_cfg"] = norm
    objective = {**block["objectives"]["consistency"], **changes}
    objective["select"] = {**objective["select"], "threshold": threshold}
    torch.manual_seed(3)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": PREPROCESSOR,
            "teacher": block["teacher"],
            "objectives": {"consistency": objective},
        }
    )
    for network in (model.segmentor, model.teacher.network):
        torch.nn.init.constant_(network.decode_head.conv_seg.bias[:1], bias)
    return model.double().train()


def batch_of(model, count=3, size=SIZE, shown=None):
    """A batch; the last image ends before its crop does, or all show some columns."""
    data = model.data_preprocessor(batch(count, count, size, views=VIEWS), True)
    for name in VIEWS:
        samples = data["data_samples"][name]
        for one in samples[-1:] if shown is None else samples:
            columns = size - 5 if shown is None else shown
            one.set_metainfo({"source_shape": (size, columns)})
    data["inputs"] = {name: x.double() for name, x in data["inputs"].items()}
    return data


def mixed_image(method, drawn, n, strong, probs, valid):
    """Image, probabilities and valid pixels of one mixed image, and what is learnt."""
    learnt = torch.ones_like(valid[n])
    if method == "cutout":
        kept = ~drawn.mask[n]
        return strong[n] * kept, probs[n], valid[n], learnt & kept
    other = int(drawn.partner[n])
    if method == "ict":
        share = drawn.share[n]
        image = (1 - share) * strong[n] + share * strong[other]
        target = (1 - share) * probs[n] + share * probs[other]
        return image, target, valid[n] & valid[other], learnt
    pasted = drawn.mask[n]
    image = torch.where(pasted, strong[other], strong[n])
    target = torch.where(pasted, probs[other], probs[n])
    return image, target, torch.where(pasted, valid[other], valid[n]), learnt


def reference(method, model, data, threshold, weight):
    network, teacher, x = model.segmentor, model.teacher.network, data["inputs"]
    masks = [one.gt_sem_seg.data for one in data["data_samples"]["labeled"]]
    on_labeled = predict(network, x["labeled"])
    labeled = F.cross_entropy(on_labeled, torch.cat(masks), ignore_index=255)
    with torch.no_grad():
        probs = predict(teacher, x["unlabeled"]).softmax(1)
    confidence, labels = probs.max(1)
    valid = View(STRONG, x[STRONG], data["data_samples"][STRONG]).valid
    target = Target(View(STRONG, x[STRONG]), labels, confidence, valid)
    policy = model.objectives["consistency"].mix
    drawn = policy(target, SimpleNamespace(num_classes=NUM_CLASSES))
    parts = [
        mixed_image(method, drawn, n, x[STRONG], probs, valid)
        for n in range(len(labels))
    ]
    images, probs, valid, learnt = map(torch.stack, zip(*parts, strict=True))
    if method == "ict":
        # The maxima are blended, not the maxima of the blend.
        share = drawn.share.view(-1, 1, 1)
        confidence = (1 - share) * confidence + share * confidence[drawn.partner]
    else:
        confidence = probs.amax(1)
    logits = predict(network, images)
    total, sure = logits.new_zeros(()), 0
    for n, row, column in torch.nonzero(valid).tolist():
        sure += int(confidence[n, row, column] >= threshold)
        if learnt[n, row, column]:
            mine, theirs = logits[n, :, row, column], probs[n, :, row, column]
            if method == "classmix":
                total = total - mine.log_softmax(0)[theirs.argmax()]
            else:
                total = total + ((mine.softmax(0) - theirs) ** 2).sum()
    count = max(int(valid.sum()), 1)
    return labeled + weight * (sure / count) * total / count


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_two_steps_equal_the_reference(method, threshold):
    # Interpolation has a weight of 0.01, in which errors would hide.
    model, other = (model_of(method, threshold, weight=2.0) for _ in range(2))
    compare_steps(
        model,
        other,
        batch_of,
        lambda *given: reference(method, *given, threshold, 2.0),
    )
    assert model.network_names == ["student", "teacher"]


NOTHING = {
    "all pixels ignored": ({}, {"shown": 0}, 0),
    "nothing confident": ({"threshold": 1.0}, {}, 0),
    "one class": ({"bias": 900.0}, {}, 0),
    "one pixel": ({}, {"size": 1, "count": 1}, None),
}
"""Name to changes of the model and of the batch, and the loss where it is known."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", NOTHING)
def test_where_there_is_little_to_learn(method, case):
    changes, images, loss = NOTHING[case]
    groups = {"type": "GN", "num_groups": 2}
    model = model_of(method, **{"threshold": 0.0, **changes}, norm=groups)
    step = model.make_step(**batch_of(model, **images))
    found = model.objectives["consistency"](step)["loss"]
    assert found.isfinite()
    assert loss is None or found == loss
    found.backward()
    weights = [p for p in model.segmentor.parameters() if p.grad is not None]
    assert weights
    for weight in weights:
        assert weight.grad.isfinite().all()
        assert loss is None or not weight.grad.any()


def test_labels_cannot_be_blended():
    model = model_of("ict", loss=None)
    with pytest.raises(ValueError, match="labels have no mean; set loss=dict"):
        model(**batch_of(model), mode="loss")


def test_which_views_are_mixed_with_each_other():
    assert model_of("cutout").mixed_views == {}
    for method in ("ict", "classmix"):
        assert model_of(method).mixed_views == {STRONG: "objectives.consistency"}
