"""AdaptiveCutMix, and one step of AugSeg, against second implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from reference_steps import compare_steps, predict

from mmseg_semisup.composition import resolve_method
from mmseg_semisup.models.policies.adaptive_cut_mix import (
    AdaptiveCutMix,
    certainty,
    clipped_boxes,
)

VIEWS = ("unlabeled", "unlabeled_strong")
BN = {"type": "BN", "requires_grad": True}
SIZE = 16


def model_of(norm=BN, **changes):
    block = resolve_method("augseg")
    segmentor = tiny_segmentor(norm_cfg=norm)
    segmentor["backbone"]["norm_cfg"] = norm
    torch.manual_seed(3)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": PREPROCESSOR,
            "teacher": block["teacher"],
            "objectives": {
                "consistency": {**block["objectives"]["consistency"], **changes}
            },
        }
    )
    # Sure of some pixels, and images of different confidence.
    torch.nn.init.normal_(model.segmentor.decode_head.conv_seg.weight, std=0.5)
    return model.double().train()


def batch_of(model, labeled=3, unlabeled=3, size=SIZE, shown=None):
    data = model.data_preprocessor(batch(labeled, unlabeled, size, views=VIEWS), True)
    for name in VIEWS:
        samples = data["data_samples"][name]
        for one in samples[-1:] if shown is None else samples:
            columns = size - 5 if shown is None else shown
            one.set_metainfo({"source_shape": (size, columns)})
    data["inputs"] = {name: x.double() for name, x in data["inputs"].items()}
    return data


def reference(model, data, threshold):
    """The authors' loop over images, in other words."""
    network, x = model.segmentor, data["inputs"]
    masks = torch.cat([s.gt_sem_seg.data for s in data["data_samples"]["labeled"]])
    with torch.no_grad():
        probs = predict(model.teacher.network, x["unlabeled"]).softmax(1)
    sure, labels = probs.max(1)
    count, valid = len(sure), torch.ones_like(labels, dtype=torch.bool)
    valid[-1, :, SIZE - 5 :] = False
    rho = []
    for n in range(count):
        pixels = []
        for row, column in torch.nonzero(valid[n]).tolist():
            p = probs[n, :, row, column]
            entropy = -sum(float(q) * math.log(float(q)) for q in p if q > 0)
            pixels.append(float(p.max()) * (1 - entropy / math.log(NUM_CLASSES)))
        rho.append(sum(pixels) / len(pixels))
    partner = torch.randperm(count).tolist()
    first = clipped_boxes(count, (SIZE, SIZE), (8.0, 2.0), "cpu")
    second = clipped_boxes(count, (SIZE, SIZE), (4.0, 4.0), "cpu")
    chance = torch.rand(count)
    kept = (sure >= threshold) & valid
    own = [x["unlabeled_strong"], labels, kept, valid]
    known = [x["labeled"], masks, masks != 255, masks != 255]
    grafted = [part.clone() for part in own]
    for n in range(count):
        if chance[n] > rho[n]:
            for part, source in zip(grafted, known, strict=True):
                part[n][..., first[n]] = source[partner[n]][..., first[n]]
    mixed = [part.clone() for part in own]
    for n in range(count):
        for part, source in zip(mixed, grafted, strict=True):
            part[n][..., second[n]] = source[partner[n]][..., second[n]]
    images, labels, kept, valid = mixed
    logits = predict(network, torch.cat([x["labeled"], images]))
    supervised = F.cross_entropy(logits[:count], masks, ignore_index=255)
    logs, total = logits[count:].log_softmax(1), 0
    for n, row, column in torch.nonzero(valid).tolist():
        if kept[n, row, column]:
            total = total - logs[n, labels[n, row, column], row, column]
    return supervised + total / int(valid.sum())


@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_two_steps_equal_the_reference(threshold):
    pair = (model_of(threshold=threshold) for _ in range(2))
    compare_steps(*pair, batch_of, lambda *given: reference(*given, threshold))


@pytest.mark.parametrize("images", [{"shown": 0}, {"size": 1}])
def test_all_pixels_ignored_and_one_pixel(images):
    model = model_of({"type": "GN", "num_groups": 2}, threshold=0.0)
    step = model.make_step(**batch_of(model, **images))
    loss = model.objectives["consistency"](step)["loss"]
    loss.backward()
    assert loss.isfinite()


def test_a_sure_image_gets_nothing_of_labelled_ones():
    probs = torch.zeros(1, 4, 2, 2)
    probs[:, 1] = 1
    assert certainty(probs).tolist() == [[[1.0, 1.0], [1.0, 1.0]]]
    unsure = certainty(torch.full((1, 4, 1, 1), 0.25))
    torch.testing.assert_close(unsure, torch.zeros(1, 1, 1))


def test_rectangles_have_the_published_share():
    """As in a loop of the authors' formula, with numpy's generator."""
    torch.manual_seed(0)
    rng, expected, found, size = np.random.default_rng(0), [], [], 64
    for _ in range(1500):
        side = int(size * (1 - rng.beta(8, 2)) ** 0.5)
        low = rng.integers(size // 8, size, 2)
        ends = [np.clip((c - side // 2, c + side // 2), 0, size) for c in low]
        expected.append(math.prod(int(end - start) for start, end in ends))
        box = clipped_boxes(1, (size, size), (8, 2), "cpu")
        found.append(int(box.sum()))
    area = size * size
    assert np.mean(found) / area == pytest.approx(np.mean(expected) / area, abs=0.01)
    assert np.std(found) / area == pytest.approx(np.std(expected) / area, abs=0.01)


def test_too_few_labelled_images_are_refused():
    model = model_of()
    message = r"labelled image into each of 3 .* but the batch has 2 of \(16, 16\)"
    with pytest.raises(ValueError, match=message):
        model(**batch_of(model, labeled=2), mode="loss")


def test_the_labelled_view_is_read_and_passes_jointly():
    objective = model_of().objectives["consistency"]
    assert objective.reads == ("unlabeled", "unlabeled_strong", "labeled")
    assert objective.joins == ("labeled",)
    with pytest.raises(ValueError, match="AdaptiveCutMix: area="):
        AdaptiveCutMix(area=(0, 1))
