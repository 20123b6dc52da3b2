"""Masks of a further source, beside those of labelled images; ST's step."""

from __future__ import annotations

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, batch, sample, tiny_segmentor
from mmseg.registry import MODELS
from reference_steps import compare_steps, predict

from mmseg_semisup.composition import resolve_method
from test_models.test_objectives.test_unimatch import BN

SIZE = 20


def model_of(auxiliary=False, **changes):
    """The model of ST's second stage, in double precision."""
    block = resolve_method("st")["stages"]["stage2"]["method"]
    segmentor = tiny_segmentor(norm_cfg=BN)
    segmentor["backbone"]["norm_cfg"] = BN
    if auxiliary:
        head = {**segmentor["decode_head"], "in_channels": 8, "in_index": 0}
        segmentor["auxiliary_head"] = head
    torch.manual_seed(3)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": PREPROCESSOR,
            "average_losses": block["average_losses"],
            "objectives": {"pseudo": {**block["objectives"]["pseudo"], **changes}},
        }
    )
    return model.double().train()


def batch_of(model, count=3, ignored=False):
    """Masks of both sources, with ignored pixels; all of one source's if wanted."""
    data = batch(count, count, SIZE, views=("pseudo",))
    generator = torch.Generator().manual_seed(1)
    for index, old in enumerate(data["data_samples"]["pseudo"]):
        labels = torch.randint(0, NUM_CLASSES, (SIZE, SIZE), generator=generator)
        labels[index : index + 9, 2:7] = 255
        if ignored:
            labels[:] = 255
        new = sample((SIZE, SIZE), labels, old.homography)
        data["data_samples"]["pseudo"][index] = new
    data = model.data_preprocessor(data, True)
    data["inputs"] = {name: x.double() for name, x in data["inputs"].items()}
    return data


def mean_loss(logits, samples):
    """Cross-entropy of every pixel that is not ignored, in a loop."""
    total, count, logs = logits.new_zeros(()), 0, logits.log_softmax(1)
    for n, one in enumerate(samples):
        labels = one.gt_sem_seg.data[0]
        for y, x in torch.nonzero(labels != 255).tolist():
            total = total - logs[n, labels[y, x], y, x]
            count += 1
    return total / max(count, 1)


def reference(model, data, weight=1.0):
    """One pass over both sources, and the mean of their losses."""
    network, x, samples = model.segmentor, data["inputs"], data["data_samples"]
    logits = predict(network, torch.cat([x["labeled"], x["pseudo"]]))
    first, second = logits.split(len(x["labeled"]))
    labeled, pseudo = samples["labeled"], samples["pseudo"]
    loss = mean_loss(first, labeled) + weight * mean_loss(second, pseudo)
    return loss / (1 + weight)


@pytest.mark.parametrize("weight", [1.0, 0.5, 0.0])
def test_two_steps_equal_the_reference(weight):
    model, other = (model_of(weight=weight) for _ in range(2))
    compare_steps(model, other, batch_of, lambda m, data: reference(m, data, weight))


def test_ignored_masks_give_zero():
    model = model_of()
    losses = model(**batch_of(model, ignored=True), mode="loss")
    assert losses["pseudo.decode.loss_ce"] == 0
    assert losses["labeled.decode.loss_ce"] > 0


def test_auxiliary_heads_learn_too():
    model = model_of(auxiliary=True)
    losses = model(**batch_of(model), mode="loss")
    assert {"pseudo.aux.loss_ce", "labeled.aux.loss_ce"} <= set(losses)


def test_before_the_start_it_is_supervised_training():
    model = model_of(start=5)
    losses = model(**batch_of(model), mode="loss")
    assert not any(name.startswith("pseudo") for name in losses)
    alone = model_of(start=5)
    alone.average_losses = False
    expected = alone(**batch_of(alone), mode="loss")["labeled.decode.loss_ce"]
    torch.testing.assert_close(losses["labeled.decode.loss_ce"], expected)


@pytest.mark.parametrize(
    ("changes", "message"), [({"weight": -1}, "weight=-1"), ({"start": -1}, "start=-1")]
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        model_of(**changes)
