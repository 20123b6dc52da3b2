"""Cross pseudo supervision against a second, straightforward implementation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from reference_steps import compare_steps, predict

from mmseg_semisup.composition import resolve_method
from mmseg_semisup.models import CrossPseudoObjective
from mmseg_semisup.models.policies import Target
from mmseg_semisup.models.step.view import View

NETWORKS = ("student", "second")
VIEWS = ("unlabeled", "partner")
BN = {"type": "BN", "requires_grad": True}
SIZE = 16


def model_of(method, norm=BN, networks=None, **changes):
    """The block's model in double precision, with batch statistics."""
    block = resolve_method(method)
    segmentor = tiny_segmentor(norm_cfg=norm)
    segmentor["backbone"]["norm_cfg"] = norm
    torch.manual_seed(3)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "networks": networks or block["networks"],
            "data_preprocessor": PREPROCESSOR,
            "objectives": {
                "cross_pseudo": {**block["objectives"]["cross_pseudo"], **changes}
            },
        }
    )
    for network in ("student", "second") if networks is None else ():
        # Tiny networks agree almost everywhere otherwise.
        torch.nn.init.normal_(model.network(network).decode_head.conv_seg.weight)
    return model.double().train()


def batch_of(model, count=3, size=SIZE):
    """A batch; the last images end before their crops do."""
    data = model.data_preprocessor(batch(count, count, size, views=VIEWS), True)
    for name in VIEWS:
        data["data_samples"][name][-1].set_metainfo({"source_shape": (size, size - 5)})
    data["inputs"] = {name: x.double() for name, x in data["inputs"].items()}
    return data


def masks_of(data):
    return torch.cat([s.gt_sem_seg.data for s in data["data_samples"]["labeled"]])


def valid_of(data, name):
    return View(name, data["inputs"][name], data["data_samples"][name]).valid


def mean_loss(logits, labels, counts):
    """Cross-entropy of all pixels that count, one after the other."""
    total, number = 0, 0
    for x, y, c in zip(logits, labels, counts, strict=True):
        logs = x.log_softmax(1)
        for n, row, column in torch.nonzero(c).tolist():
            total = total - logs[n, y[n, row, column], row, column]
            number += 1
    return total / max(number, 1)


def reference_cps(model, data, pixels, weight):
    x, masks = data["inputs"], masks_of(data)
    predictions = {
        name: [predict(model.network(name), x[v]) for v in ("labeled", "unlabeled")]
        for name in NETWORKS
    }
    if pixels == "all":
        counts = [torch.ones_like(masks, dtype=torch.bool)] * 2
    else:
        counts = [masks != 255, valid_of(data, "unlabeled")]
    loss = 0
    for mine, other in (NETWORKS, NETWORKS[::-1]):
        loss = loss + F.cross_entropy(predictions[mine][0], masks, ignore_index=255)
        labels = [logits.argmax(1) for logits in predictions[other]]
        loss = loss + weight * mean_loss(predictions[mine], labels, counts)
    return loss


def reference_cutmix(model, data, pixels, weight):
    x, masks = data["inputs"], masks_of(data)
    policy = model.objectives["cross_pseudo"].mix
    loss, labels = 0, {}
    for name in NETWORKS:
        logits = predict(model.network(name), x["labeled"])
        loss = loss + F.cross_entropy(logits, masks, ignore_index=255)
    with torch.no_grad():
        for name in NETWORKS:
            labels[name] = [
                predict(model.network(name), x[view]).argmax(1) for view in VIEWS
            ]
    valid = [valid_of(data, name) for name in VIEWS]
    if pixels == "all":
        valid = [torch.ones_like(v) for v in valid]
    view = View("unlabeled", x["unlabeled"])
    pasted = policy(Target(view, labels["student"][0], *valid), None).mask
    images = torch.where(pasted[:, None], x["partner"], x["unlabeled"])
    counts = torch.where(pasted, *valid[::-1])
    for mine, other in (NETWORKS, NETWORKS[::-1]):
        target = torch.where(pasted, *labels[other][::-1])
        logits = predict(model.network(mine), images)
        loss = loss + weight * mean_loss([logits], [target], [counts])
    return loss


REFERENCES = {"cps": reference_cps, "cps_cutmix": reference_cutmix}


@pytest.mark.parametrize("method", REFERENCES)
@pytest.mark.parametrize("pixels", ["all", "valid"])
def test_two_steps_equal_the_reference(method, pixels):
    """Also the running statistics, which say what passed through each network."""
    model, other = (model_of(method, pixels=pixels) for _ in range(2))
    weight = model.objectives["cross_pseudo"].weight
    losses = compare_steps(
        model,
        other,
        batch_of,
        lambda *given: REFERENCES[method](*given, pixels, weight),
        whole=True,
    )
    assert 0 < losses["cross_pseudo.agreement"] < 1
    for (name, mine), theirs in zip(
        model.named_buffers(), other.buffers(), strict=True
    ):
        if name.endswith(("running_mean", "running_var")):
            torch.testing.assert_close(mine, theirs, msg=name)


@pytest.mark.parametrize("method", REFERENCES)
def test_the_labels_come_from_the_other_network(method):
    model = model_of(method)
    step = model.make_step(**batch_of(model))
    losses = model.objectives["cross_pseudo"](step)
    for mine, other in (NETWORKS, NETWORKS[::-1]):
        loss = losses[f"loss_{mine}"]
        own, others = (list(model.network(n).parameters()) for n in (mine, other))
        grads = torch.autograd.grad(loss, own, retain_graph=True)
        assert all(grad.abs().sum() > 0 for grad in grads[-2:])
        none = torch.autograd.grad(loss, others, retain_graph=True, allow_unused=True)
        assert none == (None,) * len(others)


@pytest.mark.parametrize("method", REFERENCES)
def test_all_pixels_ignored(method):
    model = model_of(method, pixels="valid", plain_branches=[])
    data = batch_of(model)
    for name in VIEWS:
        for one in data["data_samples"][name]:
            one.set_metainfo({"source_shape": (0, 0)})
    losses = model.objectives["cross_pseudo"](model.make_step(**data))
    for network in NETWORKS:
        assert losses[f"loss_{network}"] == 0
        losses[f"loss_{network}"].backward()
    assert losses["agreement"] == 0


@pytest.mark.parametrize("method", REFERENCES)
def test_one_pixel(method):
    model = model_of(method, norm={"type": "GN", "num_groups": 2})
    step = model.make_step(**batch_of(model, count=1, size=1))
    losses = model.objectives["cross_pseudo"](step)
    assert all(value.isfinite() for value in losses.values())


def test_networks_that_are_one_network_twice_agree_everywhere():
    copies = {"second": {"type": "Peer", "init": "copy"}}
    model = model_of("cps", networks=copies)
    losses = model(**batch_of(model), mode="loss")
    assert losses["cross_pseudo.agreement"] == 1


def test_networks_that_do_not_fit_are_refused():
    other = {"second": {"type": "Peer", "segmentor": tiny_segmentor(3)}}
    message = r"networks\.second has 3 classes, but the segmentor has 4"
    with pytest.raises(ValueError, match=message):
        model_of("cps", networks=other)
    with pytest.raises(ValueError, match="asks for the network 'second'; there are"):
        model_of("cps", networks={"peer": {"type": "Peer"}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": ["student"]}, r"networks=\['student'\]; allowed: two"),
        ({"networks": ["a", "a"]}, "of different names"),
        ({"pixels": "some"}, "pixels='some'; allowed"),
        ({"partner": "other"}, "partner='other' without mix"),
        ({"start": -1}, "start=-1"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        CrossPseudoObjective(**changes)


def test_which_views_are_read_and_mixed():
    plain, mixed = (model_of(m).objectives["cross_pseudo"] for m in REFERENCES)
    assert plain.reads == ("unlabeled", "labeled")
    assert plain.mixes == mixed.mixes == ()
    assert mixed.reads == VIEWS
    assert CrossPseudoObjective(mix="cutmix").mixes == ("unlabeled",)
    assert (
        CrossPseudoObjective(start=5).forward(
            model_of("cps").make_step(**batch_of(model_of("cps")))
        )
        == {}
    )
