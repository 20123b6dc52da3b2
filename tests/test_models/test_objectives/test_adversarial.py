"""AdvSemiSeg's signals against the paper's equations, written out step by step."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from helpers import (
    NUM_CLASSES,
    PREPROCESSOR,
    adversarial_objectives,
    batch,
    tiny_segmentor,
)
from mmseg.registry import MODELS

from mmseg_semisup.models import FCDiscriminator, SelfTaughtObjective


def build(objectives, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "objectives": objectives,
            "data_preprocessor": PREPROCESSOR,
            **kwargs,
        }
    )
    model.init_weights()
    return model.double().train()


def preprocess(model, data):
    data = model.data_preprocessor(data, True)
    data["inputs"] = {k: v.double() for k, v in data["inputs"].items()}
    return data


def predict(network, images):
    logits = network.decode_head.forward(network.extract_feat(images))
    return F.interpolate(logits, images.shape[-2:], mode="bilinear")


def slow_losses(model, data, threshold=0.2, target=1.0):
    """The paper's losses, in the order of its section 4.2, each with its own pass."""
    network, adversary = model.segmentor, model.objectives[0].discriminator
    images, labels = data["inputs"], model.make_step(**data)["labeled"].labels
    known = labels != 255
    logits_l = predict(network, images["labeled"])
    logits_u = predict(network, images["unlabeled"])
    losses = {"ce": F.cross_entropy(logits_l, labels, ignore_index=255)}

    for p in adversary.parameters():
        p.requires_grad_(False)
    d_l = adversary(logits_l.softmax(1))[:, 0].sigmoid()
    d_u = adversary(logits_u.softmax(1))[:, 0].sigmoid()
    losses["adv_l"] = -0.01 * d_l[known].log().mean()  # Eq. 4
    losses["adv_u"] = -0.001 * d_u.log().mean()
    trusted = d_u.detach() > threshold
    log_p = logits_u.log_softmax(1).max(1).values
    losses["semi"] = -0.1 * log_p[trusted].mean() if trusted.any() else 0 * log_p.sum()
    for p in adversary.parameters():
        p.requires_grad_(True)

    truth = torch.zeros_like(logits_l)
    for c in range(NUM_CLASSES):
        truth[:, c][labels == c] = 1
    on_fake = adversary(logits_l.detach().softmax(1))[:, 0].sigmoid()
    on_real = adversary(truth)[:, 0].sigmoid()
    judged = target * on_real.log() + (1 - target) * (1 - on_real).log()
    losses["d"] = -0.5 * (  # Eq. 1
        (1 - on_fake)[known].log().mean() + judged[known].mean()
    )
    return losses


NAMES = {
    "labeled.decode.loss_ce": "ce",
    "adversarial.loss_labeled": "adv_l",
    "adversarial.loss_unlabeled": "adv_u",
    "self_taught.loss": "semi",
    "adversarial.discriminator.loss": "d",
}


def gradients(model, total):
    model.zero_grad()
    total.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters()}


@pytest.mark.parametrize(("threshold", "target"), [(0.2, 1), (0.55, 1), (0.2, 0.9)])
def test_losses_and_gradients_equal_the_papers(threshold, target):
    objectives = adversarial_objectives(real_target=target)
    objectives[1]["threshold"] = threshold
    model = build(objectives)
    data = preprocess(model, batch())
    losses = model.loss(**data)
    slow = slow_losses(model, data, threshold, target)
    for name, short in NAMES.items():
        torch.testing.assert_close(losses[name], slow[short].to(losses[name]))
    fast = gradients(model, sum(losses[name] for name in NAMES))
    expected = gradients(model, sum(slow.values()))
    for name, gradient in expected.items():
        torch.testing.assert_close(fast[name], gradient, msg=name)


def test_no_gradient_goes_where_it_does_not_belong():
    model = build(adversarial_objectives())
    data = preprocess(model, batch())
    losses = model.loss(**data)
    segmentor = list(model.segmentor.parameters())
    adversary = list(model.objectives[0].discriminator.parameters())

    def touched(name, parameters):
        found = torch.autograd.grad(
            losses[name], parameters, retain_graph=True, allow_unused=True
        )
        return any(g is not None and g.any() for g in found)

    assert touched("adversarial.loss_labeled", segmentor)
    assert not touched("adversarial.loss_labeled", adversary)
    assert not touched("self_taught.loss", adversary)
    assert touched("adversarial.discriminator.loss", adversary)
    assert not touched("adversarial.discriminator.loss", segmentor)


def test_the_semi_supervised_part_waits_for_its_iteration():
    objectives = adversarial_objectives(start={"labeled": 0, "unlabeled": 3})
    objectives[1]["start"] = 4
    model = build(objectives)
    data = preprocess(model, batch())
    seen = [set(model.loss(**data)) for _ in range(5)]
    assert "adversarial.loss_unlabeled" not in seen[2]
    assert "adversarial.loss_unlabeled" in seen[3]
    assert "self_taught.loss" not in seen[3]
    assert "self_taught.loss" in seen[4]


def test_self_taught_without_adversarial_loss_still_has_a_confidence():
    """Table 6: L_semi without L_adv."""
    objectives = adversarial_objectives(weights={"labeled": 0, "unlabeled": 0})
    model = build(objectives)
    losses = model.loss(**preprocess(model, batch()))
    assert not any("loss_adv" in name for name in losses)
    assert losses["self_taught.loss"] > 0
    assert losses["adversarial.discriminator.loss"] > 0


def test_ignored_pixels_have_no_say():
    model = build(adversarial_objectives())
    data = preprocess(model, batch())
    for sample in data["data_samples"]["labeled"]:
        sample.gt_sem_seg.data[:] = 255
    losses = model.loss(**data)
    for name in (
        "labeled.decode.loss_ce",
        "adversarial.loss_labeled",
        "adversarial.discriminator.loss",
    ):
        assert losses[name] == 0
    total = sum(v for k, v in losses.items() if "loss" in k)
    assert all(g.isfinite().all() for g in gradients(model, total).values())


def test_padding_of_unlabelled_images_has_no_say():
    model = build(adversarial_objectives())
    data = preprocess(model, batch())
    for sample in data["data_samples"]["unlabeled"]:
        sample.set_metainfo({"img_shape": (20, 32)})
    step = model.make_step(**data)
    assert step["unlabeled"].valid[:, :20].all()
    assert not step["unlabeled"].valid[:, 20:].any()
    score = model.objectives[0].discriminator(step.student(step["unlabeled"]).probs)
    expected = 0.001 * F.softplus(-score[:, 0, :20]).mean()
    torch.testing.assert_close(
        model.loss(**data)["adversarial.loss_unlabeled"], expected
    )


def test_nothing_selected_gives_a_finite_zero():
    objectives = adversarial_objectives()
    objectives[1]["threshold"] = 1.0
    model = build(objectives)
    losses = model.loss(**preprocess(model, batch()))
    assert losses["self_taught.loss"] == 0
    assert losses["self_taught.selected"] == 0
    total = sum(v for k, v in losses.items() if "loss" in k)
    assert all(g.isfinite().all() for g in gradients(model, total).values())


@pytest.mark.parametrize("mean", ["branches", "pixels"])
def test_the_authors_code_trains_the_discriminator_on_unlabelled_too(mean):
    both = ("labeled", "unlabeled")
    model = build(adversarial_objectives(fake_branches=both, fake_mean=mean))
    data = preprocess(model, batch())
    for sample in data["data_samples"]["unlabeled"]:
        sample.set_metainfo({"img_shape": (20, 32)})
    loss = model.loss(**data)["adversarial.discriminator.loss"]
    step, adversary = model.make_step(**data), model.objectives[0].discriminator
    known = step["labeled"].valid
    fake = [
        F.softplus(adversary(step.student(step["labeled"]).probs)[:, 0][known]),
        F.softplus(adversary(step.student(step["unlabeled"]).probs)[:, 0, :20]),
    ]
    truth = F.one_hot(step["labeled"].labels.clamp(max=NUM_CLASSES), NUM_CLASSES + 1)
    truth = truth[..., :NUM_CLASSES].permute(0, 3, 1, 2).double()
    real = F.softplus(-adversary(truth)[:, 0][known]).mean()
    pooled = torch.cat([part.flatten() for part in fake]).mean()
    apart = (fake[0].mean() + fake[1].mean()) / 2
    assert (pooled - apart).abs() > 1e-6
    slow = 0.5 * (pooled if mean == "pixels" else apart) + 0.5 * real
    torch.testing.assert_close(loss, slow)
    parameters = list(adversary.parameters())
    found = torch.autograd.grad(loss, parameters)
    for one, other in zip(found, torch.autograd.grad(slow, parameters), strict=True):
        torch.testing.assert_close(one, other)


def test_accuracy_is_the_share_of_right_answers():
    model = build(adversarial_objectives(fake_branches=("labeled", "unlabeled")))
    data = preprocess(model, batch())
    losses = model(**data, mode="loss")
    adversary = model.objectives[0].discriminator
    label = torch.stack([s.gt_sem_seg.data[0] for s in data["data_samples"]["labeled"]])
    known = (label != 255)[:, None]
    one_hot = F.one_hot(label * known[:, 0], NUM_CLASSES).permute(0, 3, 1, 2) * known
    maps = [model.segmentor(data["inputs"][b]) for b in ("labeled", "unlabeled")]
    sizes = [data["inputs"][b].shape[-2:] for b in ("labeled", "unlabeled")]
    fakes = [
        F.interpolate(m, size, mode="bilinear").softmax(1)
        for m, size in zip(maps, sizes, strict=True)
    ]
    with torch.no_grad():
        wrong = [(adversary(p) >= 0).double().mean() for p in fakes]
        missed = (adversary(one_hot.double()) <= 0).double().mean()
    expected = 1 - (sum(wrong) / 2 + missed) / 2
    torch.testing.assert_close(losses["adversarial.discriminator.accuracy"], expected)


def test_mistakes_are_named():
    wrong = adversarial_objectives()
    wrong[0]["discriminator"]["num_classes"] = 7
    with pytest.raises(
        ValueError, match=r"adversarial\.discriminator\.num_classes=7.*is 4"
    ):
        build(wrong)
    misspelt = adversarial_objectives(wieghts={})
    with pytest.raises(
        ValueError, match=r"objectives\.adversarial.*'wieghts'.*weights"
    ):
        build(misspelt)
    with pytest.raises(ValueError, match="fake_mean='sum'; allowed"):
        build(adversarial_objectives(fake_mean="sum"))
    with pytest.raises(ValueError, match=r"real_target=0\.5; allowed: above 0\.5"):
        build(adversarial_objectives(real_target=0.5))
    with pytest.raises(ValueError, match="same branches"):
        build(adversarial_objectives(start={"labeled": 0}))
    with pytest.raises(ValueError, match=r"threshold=1\.5"):
        SelfTaughtObjective(threshold=1.5)
    alone = build(adversarial_objectives()[1:])
    with pytest.raises(ValueError, match="no objective before this one publishes"):
        alone.loss(**preprocess(alone, batch()))
    with pytest.raises(ValueError, match="end='linear'"):
        FCDiscriminator(num_classes=2, end="linear")


def test_discriminator_shapes_and_size():
    paper = FCDiscriminator(num_classes=21)
    assert sum(p.numel() for p in paper.parameters()) == pytest.approx(2.78e6, rel=0.01)
    small = FCDiscriminator(num_classes=3, channels=(4, 4))
    assert small(torch.rand(2, 3, 33, 40)).shape == (2, 1, 33, 40)
    single = FCDiscriminator(num_classes=3, channels=(4, 4), end="fc")
    score = single(torch.rand(2, 3, 33, 40))
    assert score.shape == (2, 1, 33, 40)
    assert (score == score[:, :, :1, :1]).all()
    with pytest.raises(ValueError, match="at least 32"):
        paper(torch.rand(1, 21, 16, 16))


def test_an_idle_objective_still_touches_its_parameters():
    adversarial, self_taught = build(adversarial_objectives()).objectives.values()
    zero = adversarial.zero_loss()
    assert zero == 0
    zero.backward()
    assert all(p.grad is not None for p in adversarial.parameters())
    assert not any(p.grad.any() for p in adversarial.parameters())
    assert self_taught.zero_loss() == 0
