"""s4GAN's signals against the paper's equations, written out step by step."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from helpers import NUM_CLASSES, PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from torch import nn

from mmseg_semisup.benchmark.operations import count_waits
from mmseg_semisup.models import FeatureMatchingObjective, ImageDiscriminator

OPTIMIZERS = {
    "constructor": "JointOptimWrapperConstructor",
    "segmentor": {"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
    "discriminator": {"optimizer": {"type": "SGD", "lr": 0.1}},
}
LOSSES = (
    "feature_matching.loss_fm",
    "feature_matching.loss_st",
    "feature_matching.discriminator.loss",
)


def discriminator(num_classes=NUM_CLASSES, **changes):
    return {
        "type": "ImageDiscriminator",
        "num_classes": num_classes,
        "channels": (8, 8),
        "dropout": 0.0,
        **changes,
    }


def objective(judge=None, **changes):
    return {
        "type": "FeatureMatchingObjective",
        "discriminator": judge or discriminator(),
        "gamma": 0.0,
        **changes,
    }


def build(*objectives, double=True, num_classes=NUM_CLASSES):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(num_classes),
            "objectives": list(objectives),
            "data_preprocessor": PREPROCESSOR,
        }
    )
    model.init_weights()
    model.train()
    return model.double() if double else model


def preprocess(model, data):
    data = model.data_preprocessor(data, True)
    dtype = next(model.parameters()).dtype
    data["inputs"] = {k: v.to(dtype) for k, v in data["inputs"].items()}
    return data


def slow_losses(model, data, gamma, norm="mean_l1"):
    """Section 3.1 of the paper, image by image, each loss with its own passes."""
    part = model.objectives[0]
    judge, network = part.discriminator, model.segmentor
    images, step = data["inputs"], model.make_step(**data)
    labels, visible = step["labeled"].labels, step["unlabeled"].valid
    logits = network.decode_head.forward(network.extract_feat(images["unlabeled"]))
    logits = F.interpolate(logits, labels.shape[-2:], mode="bilinear")

    def stretched(x):
        return (x - x.min()) / (x.max() - x.min())

    reals, fakes = [], []
    for image, mask in zip(stretched(images["labeled"]), labels, strict=True):
        truth = torch.stack([(mask == c).double() for c in range(NUM_CLASSES)])
        reals.append(torch.cat([image, truth])[None])
    for i, image in enumerate(stretched(images["unlabeled"])):
        fakes.append(torch.cat([image, logits[i].softmax(0) * visible[i]])[None])

    for p in judge.parameters():
        p.requires_grad_(False)
    on_fake = [judge(x) for x in fakes]
    on_real = [judge(x) for x in reals]
    difference = sum(f for _, f in on_real) / len(reals)
    difference = difference - sum(f for _, f in on_fake) / len(fakes)
    distance = difference.abs().mean() if norm == "mean_l1" else difference.norm()
    losses = {"feature_matching.loss_fm": 0.1 * distance}  # Eq. 2
    pixels = [  # Eq. 3
        -logits[i].log_softmax(0).max(0).values[visible[i]]
        for i, (score, _) in enumerate(on_fake)
        if score.sigmoid() >= gamma
    ]
    zero = 0 * logits.sum()
    losses["feature_matching.loss_st"] = torch.cat(pixels).mean() if pixels else zero
    for p in judge.parameters():
        p.requires_grad_(True)

    target, real = part.real_target, 0.0
    for score in (judge(x)[0].sigmoid() for x in reals):
        judged = target * score.log() + (1 - target) * (1 - score).log()
        real = real + judged.sum() / len(reals)
    fake = sum((1 - judge(x.detach())[0].sigmoid()).log().sum() for x in fakes)
    losses["feature_matching.discriminator.loss"] = -0.5 * (
        real + fake / len(fakes)
    )  # Eq. 5
    return losses


def scores(model, data):
    step = model.make_step(**data)
    part = model.objectives[0]
    with torch.no_grad():
        maps = part.fake_maps(step, step.student(step["unlabeled"]).probs)
        return part.discriminator(maps)[0].sigmoid()


def gradients(model, total):
    model.zero_grad()
    total.backward(retain_graph=True)
    return {
        n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None
    }


def total(losses):
    return sum(v for k, v in losses.items() if "loss" in k)


@pytest.mark.parametrize(("norm", "target"), [("mean_l1", 1.0), ("l2", 0.9)])
@pytest.mark.parametrize("chosen", ["all", "some", "none"])
def test_losses_and_gradients_equal_the_papers(norm, target, chosen):
    model = build(objective(norm=norm, real_target=target))
    data = preprocess(model, batch(unlabeled=3))
    data["data_samples"]["unlabeled"][0].set_metainfo({"img_shape": (20, 32)})
    found = scores(model, data)
    gamma = {"all": 0.0, "some": found.median().item(), "none": 1.0}[chosen]
    model.objectives[0].gamma = gamma
    losses = model.loss(**data)
    share = {"all": 1.0, "some": 2 / 3, "none": 0.0}[chosen]
    assert losses["feature_matching.selected"] == pytest.approx(share)
    slow = slow_losses(model, data, gamma, norm)
    for name in LOSSES:
        torch.testing.assert_close(losses[name], slow[name], msg=name)
    # One backward pass of all losses, as training does; each graph is walked once.
    expected = gradients(model, sum(slow.values()))
    fast = gradients(model, sum(losses[name] for name in LOSSES))
    assert fast.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(fast[name], gradient, msg=name)


def test_the_standard_gan_loss_of_table_6():
    model = build(objective(generator_loss="standard", self_training_weight=0.0))
    data = preprocess(model, batch())
    losses = model.loss(**data)
    assert "feature_matching.loss_fm" not in losses
    assert "feature_matching.loss_st" not in losses
    step, part = model.make_step(**data), model.objectives[0]
    judge = part.discriminator
    for p in judge.parameters():
        p.requires_grad_(False)
    maps = part.fake_maps(step, step.student(step["unlabeled"]).probs)
    slow = -0.1 * judge(maps)[0].sigmoid().log().mean()
    torch.testing.assert_close(losses["feature_matching.loss_gan"], slow)
    expected = gradients(model, slow)
    fast = gradients(model, losses["feature_matching.loss_gan"])
    assert set(fast) == set(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(fast[name], gradient, msg=name)


def test_no_gradient_goes_where_it_does_not_belong():
    model = build(objective())
    losses = model.loss(**preprocess(model, batch()))
    for name in ("feature_matching.loss_fm", "feature_matching.loss_st"):
        touched = gradients(model, losses[name])
        assert any(g.any() for g in touched.values())
        assert all(n.startswith("segmentor.") for n, g in touched.items() if g.any())
    touched = gradients(model, losses["feature_matching.discriminator.loss"])
    assert {n for n, g in touched.items() if g.any()} >= {
        "objectives.feature_matching.discriminator.classifier.weight"
    }
    assert not any(n.startswith("segmentor.") for n, g in touched.items() if g.any())


def test_the_discriminator_sees_each_input_once():
    model = build(objective())
    seen = []
    judge = model.objectives[0].discriminator
    judge.register_forward_hook(lambda *_: seen.append(1))
    model.loss(**preprocess(model, batch()))
    assert len(seen) == 2
    model.objectives[0].score_dropout = False
    model.loss(**preprocess(model, batch()))
    assert len(seen) == 5
    assert judge.training


def test_the_host_waits_for_nothing():
    model = build(objective(gamma=0.5))
    data = preprocess(model, batch())
    images, samples = data["inputs"], data["data_samples"]

    def step(objectives):
        seen = model.make_step(images, samples)
        seen.student(seen["unlabeled"]).probs.mean().backward(retain_graph=True)
        if objectives:
            total(model.objectives[0](seen)).backward()

    step(True)
    bare = count_waits(lambda: step(False), "cpu")
    assert count_waits(lambda: step(True), "cpu") == bare


def test_the_score_without_dropout_selects_the_same_each_time():
    noisy = discriminator(dropout=0.5, channels=(32, 32))
    model = build(objective(noisy, score_dropout=False))
    data = preprocess(model, batch(unlabeled=4))
    model.objectives[0].discriminator.eval()
    model.objectives[0].gamma = scores(model, data).median().item()
    model.train()
    shares = [model.loss(**data)["feature_matching.selected"].item() for _ in range(6)]
    assert set(shares) == {0.75}


def test_at_gamma_the_paper_selects_and_the_code_does_not():
    data = None
    for inclusive, share in ((True, 1.0), (False, 0.0)):
        model = build(objective(gamma=0.5, inclusive=inclusive))
        nn.init.zeros_(model.objectives[0].discriminator.classifier.weight)
        nn.init.zeros_(model.objectives[0].discriminator.classifier.bias)
        data = data or preprocess(model, batch())
        assert model.loss(**data)["feature_matching.selected"] == share


def test_self_training_waits_for_its_start():
    model = build(objective(start=1))
    data = preprocess(model, batch())
    assert "feature_matching.loss_st" not in model.loss(**data)
    assert "feature_matching.loss_st" in model.loss(**data)


def test_without_weights_only_the_discriminator_learns():
    model = build(objective(weight=0.0, self_training_weight=0.0))
    losses = model.loss(**preprocess(model, batch()))
    assert [k for k in losses if "loss" in k and "decode" not in k] == [
        "feature_matching.discriminator.loss"
    ]
    losses["feature_matching.discriminator.loss"].backward()


def test_images_of_the_code_are_divided_by_the_span_of_another_batch():
    model = build(objective(real_branch="labeled_gt", real_image_range="labeled"))
    data = batch()
    for part in data.values():
        part["labeled_gt"] = copy.deepcopy(part["labeled"])
    data["inputs"]["labeled"] = [x // 2 for x in data["inputs"]["labeled"]]
    data = preprocess(model, data)
    images = data["inputs"]
    maps = model.objectives[0].real_maps(model.make_step(**data))
    span = images["labeled"].max() - images["labeled"].min()
    own = images["labeled_gt"]
    torch.testing.assert_close(maps[:, :3], (own - own.min()) / span)
    assert maps[:, :3].max() > 1.9


def test_padding_has_no_class_unless_as_in_the_code():
    for masked in (True, False):
        model = build(objective(mask_padding=masked))
        data = preprocess(model, batch())
        data["data_samples"]["unlabeled"][0].set_metainfo({"img_shape": (20, 32)})
        step = model.make_step(**data)
        probs = step.student(step["unlabeled"]).probs
        maps = model.objectives[0].fake_maps(step, probs)[:, 3:]
        assert bool(maps[0, :, 20:].any()) is not masked
        torch.testing.assert_close(maps[0, :, :20], probs[0, :, :20])


def test_ignored_pixels_have_no_class_and_ignored_images_no_say():
    model = build(objective())
    data = preprocess(model, batch())
    first, second = data["data_samples"]["labeled"]
    maps = model.objectives[0].real_maps(model.make_step(**data))
    assert (
        maps[:, 3:].sum(1) == (model.make_step(**data)["labeled"].labels != 255)
    ).all()
    first.gt_sem_seg.data[:] = 255
    both = model.loss(**data)
    part, step = model.objectives[0], model.make_step(**data)
    on_real = part.discriminator(part.real_maps(step))[0][1]
    found = both["feature_matching.discriminator.real"]
    torch.testing.assert_close(found, on_real.sigmoid())
    second.gt_sem_seg.data[:] = 255
    losses = model.loss(**data)
    assert losses["feature_matching.loss_fm"] == 0
    grads = gradients(model, total(losses))
    assert all(g.isfinite().all() for g in grads.values())
    fake = scores(model, data)
    torch.testing.assert_close(
        losses["feature_matching.discriminator.loss"], -0.5 * (1 - fake).log().mean()
    )


def test_images_that_show_nothing_are_not_judged():
    model = build(objective())
    data = preprocess(model, batch())
    for sample in data["data_samples"]["unlabeled"]:
        sample.set_metainfo({"img_shape": (0, 0)})
    losses = model.loss(**data)
    assert losses["feature_matching.loss_fm"] == 0
    assert losses["feature_matching.loss_st"] == 0
    assert losses["feature_matching.selected"] == 0
    grads = gradients(model, total(losses))
    assert all(g.isfinite().all() for g in grads.values())


@pytest.mark.parametrize("constant", [False, True])
def test_one_image_of_each_kind(constant):
    model = build(objective())
    data = batch(labeled=1, unlabeled=1)
    if constant:
        data["inputs"] = {k: [x * 0 for x in v] for k, v in data["inputs"].items()}
    losses = model.loss(**preprocess(model, data))
    grads = gradients(model, total(losses))
    assert all(g.isfinite().all() for g in grads.values())
    assert losses["feature_matching.selected"] == 1


def test_figures():
    model = build(objective())
    data = preprocess(model, batch())
    losses, step, part = (
        model.loss(**data),
        model.make_step(**data),
        model.objectives[0],
    )
    fake = scores(model, data)
    real = part.discriminator(part.real_maps(step))[0].sigmoid()
    torch.testing.assert_close(
        losses["feature_matching.discriminator.fake"], fake.mean()
    )
    right = ((fake < 0.5).double().mean() + (real > 0.5).double().mean()) / 2
    assert losses["feature_matching.discriminator.accuracy"] == right


def test_discriminator_of_paper_and_code():
    paper = ImageDiscriminator(num_classes=21)
    # 4x4 kernels, 24-64-128-256-512, and the linear layer.
    assert sum(p.numel() for p in paper.parameters()) == 2_778_561
    assert sum(isinstance(m, nn.Dropout) for m in paper.modules()) == 4
    code = ImageDiscriminator(
        num_classes=21, dropout_after=(0, 1, 2), dropout_kind="channel"
    )
    assert sum(isinstance(m, nn.Dropout2d) for m in code.modules()) == 3
    small = ImageDiscriminator(num_classes=2, channels=(4, 6))
    for size in ((4, 4), (33, 40)):
        score, features = small(torch.rand(2, 5, *size))
        assert score.shape == (2,)
        assert features.shape == (2, 6)
    with pytest.raises(ValueError, match="at least 16"):
        paper(torch.rand(1, 24, 15, 40))
    with pytest.raises(ValueError, match="21 channels; expected 24"):
        paper(torch.rand(1, 21, 32, 32))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gamma": 1.5}, r"gamma=1\.5"),
        ({"weight": -1.0}, r"weight=-1\.0"),
        ({"real_target": 1.1}, r"real_target=1\.1; allowed"),
        ({"norm": "l1"}, "norm='l1'.*mean_l1"),
        ({"generator_loss": "hinge"}, "generator_loss='hinge'.*standard"),
        ({"real_image_range": "all"}, "real_image_range='all'"),
        ({"gama": 0.5}, "'gama'"),
        ({"judge": discriminator(num_classes=3)}, "num_classes=3.*is 4"),
        ({"judge": discriminator(dropout=1.0)}, r"dropout=1\.0"),
        ({"judge": discriminator(dropout_kind="row")}, "dropout_kind='row'"),
        ({"judge": discriminator(dropout_after=(2,))}, r"dropout_after=\(2,\)"),
    ],
)
def test_mistakes_are_named_before_training(changes, words):
    with pytest.raises(ValueError, match=words):
        build(objective(**changes))


def test_published_defaults():
    part = FeatureMatchingObjective(discriminator())
    assert (part.weight, part.self_training_weight, part.gamma) == (0.1, 1.0, 0.6)
