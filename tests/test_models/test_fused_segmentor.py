"""Fusion against a pixel by pixel evaluation of Eq. 7."""

from __future__ import annotations

import pytest
import torch
from helpers import PREPROCESSOR, sample, tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.models.fused_segmentor import FusedSegmentor, switch_off

CLASSES = ("background", "cat", "cow", "dog")


def classifier_cfg(num_classes=4):
    return dict(
        type="MultiLabelClassifier",
        backbone=tiny_segmentor()["backbone"],
        in_channels=16,
        num_classes=num_classes,
    )


def fused(num_classes=4, **changes):
    torch.manual_seed(0)
    cfg = dict(
        type="FusedSegmentor",
        segmentor=tiny_segmentor(),
        classifier=classifier_cfg(num_classes),
        classes=CLASSES,
        classifier_size=(24, 24),
        data_preprocessor=PREPROCESSOR,
    )
    return MODELS.build({**cfg, **changes}).eval()


def brute_force(logits, scores, tau, background):
    """The class of each pixel, (H, W), by Eq. 7 in float64."""
    probs = logits.double().softmax(0)
    result = torch.zeros(logits.shape[1:], dtype=torch.int64)
    for y in range(logits.shape[1]):
        for x in range(logits.shape[2]):
            best = -1.0
            for c in range(len(scores)):
                off = scores[c] <= tau and c != background
                value = 0.0 if off else probs[c, y, x].item()
                if value > best:
                    best, result[y, x] = value, c
    return result


@pytest.mark.parametrize("background", [0, 2])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_brute_force(seed, background):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(5, 6, 7, generator=generator)
    scores = torch.rand(5, generator=generator)
    scores[1] = 0.4  # exactly tau is off
    result = switch_off(logits, scores > 0.4, background)
    expected = brute_force(logits, scores, torch.tensor(0.4), background)
    assert torch.equal(result.argmax(0), expected)
    assert (result.softmax(0)[1] == 0).all()


def test_negative_logits_and_probabilities_that_vanish():
    logits = torch.tensor([-200.0, -300.0, 0.0]).view(3, 1, 1)
    result = switch_off(logits, torch.tensor([False, True, False]), 0)
    assert result.argmax(0).item() == 0


def test_classes_that_share_a_map_are_refused():
    head = dict(num_classes=2, out_channels=1, threshold=0.5)
    segmentor = tiny_segmentor(**head)
    with pytest.raises(ValueError, match="1 maps for 2 classes"):
        fused(2, segmentor=segmentor, classes=("background", "cat"))


def test_a_cascade_is_fused():
    tiny = tiny_segmentor(num_classes=4)
    second = dict(tiny["decode_head"], type="OCRHead", in_index=1, ocr_channels=8)
    second.pop("num_convs")
    heads = [tiny["decode_head"], second]
    cascade = dict(tiny, type="CascadeEncoderDecoder", num_stages=2, decode_head=heads)
    [result] = fused(segmentor=cascade).predict(torch.zeros(1, 3, 24, 24))
    assert result.seg_logits.data.shape == (4, 24, 24)


def test_an_image_never_loses_all_classes():
    logits = torch.randn(3, 2, 2)
    assert torch.equal(switch_off(logits, torch.zeros(3, dtype=bool), None), logits)


@pytest.mark.parametrize("size", [1, 3])
def test_predictions_of_a_batch(size):
    model = fused(tau=0.5)
    images = torch.randn(size, 3, 32, 40)
    samples = [sample((32, 40)) for _ in range(size)]
    plain = model.segmentor(images, [sample((32, 40)) for _ in range(size)], "predict")
    for i, result in enumerate(model(images, samples, "predict")):
        view = torch.nn.functional.interpolate(
            images[i : i + 1], (24, 24), mode="bilinear"
        )
        scores = model.classifier(view).sigmoid()[0]
        torch.testing.assert_close(result.pred_image_scores, scores)
        expected = brute_force(plain[i].seg_logits.data, scores, 0.5, 0)
        assert torch.equal(result.pred_sem_seg.data[0], expected)


def test_pixel_counts_switch_off():
    model = fused(switch="pixels", min_pixels=10**6)
    images = torch.randn(1, 3, 32, 32)
    result = model(images, [sample((32, 32))], "predict")[0]
    assert (result.pred_sem_seg.data == 0).all()
    plain = model.segmentor(images, [sample((32, 32))], "predict")[0]
    counts = torch.bincount(plain.pred_sem_seg.data.flatten(), minlength=4)
    model.configure("pixels", min_pixels=(counts + torch.tensor([9, 0, 0, 0])).tolist())
    result = model(images, [sample((32, 32))], "predict")[0]
    assert torch.equal(result.pred_sem_seg.data, plain.pred_sem_seg.data)


def save(path, prefix, network, classes):
    state = {prefix + name: value for name, value in network.state_dict().items()}
    meta = {"dataset_meta": {"classes": classes}}
    torch.save({"state_dict": state, "meta": meta}, path)
    return str(path)


def test_two_checkpoints_whose_classes_have_another_order(tmp_path):
    first = fused()
    order = ("dog", "background", "cow", "cat")
    seg = save(tmp_path / "a.pth", "segmentor.", first.segmentor, CLASSES)
    cls = save(tmp_path / "b.pth", "teacher.network.", first.classifier, order)
    torch.manual_seed(9)
    second = FusedSegmentor(
        segmentor=tiny_segmentor(),
        classifier=classifier_cfg(),
        classes=CLASSES,
        segmentor_checkpoint=seg,
        classifier_checkpoint=cls,
        classifier_size=(24, 24),
        data_preprocessor=PREPROCESSOR,
    ).eval()
    images, samples = torch.randn(1, 3, 24, 24), [sample((24, 24))]
    expected = first.scores(images, samples)[0]
    found = second.scores(images, samples)[0]
    by_name = {name: expected[i] for i, name in enumerate(order)}
    assert found.tolist() == [by_name[name] for name in CLASSES]
    third = fused()
    third.load_state_dict(second.state_dict())
    assert torch.equal(third.scores(images, samples)[0], found)


def test_the_classifier_normalises_as_it_learnt():
    model = fused(
        data_preprocessor=dict(PREPROCESSOR, bgr_to_rgb=True),
        classifier_preprocessor=dict(mean=[1.0, 2, 3], std=[4.0, 5, 6]),
        classifier_size=(8, 8),
    )
    raw = torch.rand(1, 3, 8, 8) * 255
    rgb = raw.flip(1)
    model.classifier = torch.nn.Identity()
    model.columns = torch.arange(3)
    scores = model.scores((rgb - 127) / 64, [sample((8, 8))])
    mean, std = torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5, 6])
    expected = (rgb - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    torch.testing.assert_close(scores, expected.sigmoid())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(num_classes=2), "2 outputs for 3 classes"),
        (dict(num_classes=5), "5 outputs for 4 classes"),
        (dict(classes=CLASSES[:3]), "4 classes, but 3 names"),
        (dict(background="sky"), "background='sky' is no class"),
        (dict(switch="maybe"), "switch='maybe'"),
        (dict(tau=2), "tau=2"),
        (dict(min_pixels=(1, 2)), "2 numbers for 4 classes"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        fused(**changes)


def test_a_classifier_of_fewer_or_other_classes_is_named(tmp_path):
    small = MODELS.build(classifier_cfg(3))
    path = save(tmp_path / "c.pth", "classifier.", small, CLASSES[:3])
    with pytest.raises(ValueError, match=r"does not know .*\['dog'\]"):
        fused(3, classifier_checkpoint=path, classifier_network="student")
    other = MODELS.build(classifier_cfg(4))
    path = save(tmp_path / "d.pth", "classifier.", other, (*CLASSES[:3], "sofa"))
    with pytest.raises(ValueError, match=r"does not know .*\['dog'\]"):
        fused(4, classifier_checkpoint=path, classifier_network="student")
    with pytest.raises(ValueError, match="has no teacher"):
        fused(4, classifier_checkpoint=path)
    with pytest.raises(ValueError, match=r"model\.classifier_network='student'"):
        fused(4, classifier_checkpoint=path)


def mean_teacher(kind):
    torch.manual_seed(1)
    cfg = dict(type="MultiLabelMeanTeacher", classifier=classifier_cfg())
    return MODELS.build(dict(cfg, label_loss=kind, data_preprocessor=PREPROCESSOR))


def test_a_classifier_of_another_loss_is_refused(tmp_path):
    paths = {}
    for kind in ("binary", "categorical"):
        paths[kind] = save(tmp_path / f"{kind}.pth", "", mean_teacher(kind), CLASSES)
    for kind, other in (("binary", "categorical"), ("categorical", "binary")):
        options = dict(classifier_network="student", label_loss=kind)
        with pytest.raises(CheckpointError, match=f"model.label_loss='{other}'"):
            fused(4, classifier_checkpoint=paths[other], **options)
    model = fused(4, classifier_checkpoint=paths["categorical"], **options)
    found = model.scores(torch.randn(2, 3, 24, 24), [sample((24, 24))] * 2)
    torch.testing.assert_close(found.sum(1), torch.ones(2))
    # So does the file of both networks.
    with pytest.raises(CheckpointError, match="label_loss_number"):
        check_state(fused(), model.state_dict())


def test_checkpoints_of_the_default_loss_are_as_they_were():
    assert not any("label_loss" in key for key in mean_teacher("binary").state_dict())
    assert not any("label_loss" in key for key in fused().state_dict())


def test_classes_whose_order_is_not_known(tmp_path, monkeypatch):
    network = MODELS.build(classifier_cfg())
    path = str(tmp_path / "plain.pth")
    torch.save(network.state_dict(), path)
    said = []
    module = "mmseg_semisup.models.fused_segmentor"
    monkeypatch.setattr(f"{module}.print_log", lambda text, *_: said.append(text))
    model = fused(classifier_checkpoint=path)
    assert model.columns.tolist() == [0, 1, 2, 3]
    assert "plain.pth has no names of classes; the order of classes" in said[0]
    save(tmp_path / "named.pth", "", network, CLASSES)
    fused(classifier_checkpoint=str(tmp_path / "named.pth"))
    assert len(said) == 1


def test_a_classifier_without_background(tmp_path):
    network = MODELS.build(classifier_cfg(3))
    path = save(tmp_path / "c.pth", "teacher.network.", network, ("dog", "cat", "cow"))
    model = fused(3, classifier_checkpoint=path)
    assert model.columns[1:].tolist() == [1, 2, 0]
    whole = fused(3)
    assert whole.columns[1:].tolist() == [0, 1, 2]
    whole.load_state_dict(model.state_dict())
    images, samples = torch.randn(1, 3, 24, 24), [sample((24, 24))]
    assert torch.equal(whole.scores(images, samples), model.scores(images, samples))
    result = model(images, samples, "predict")[0]
    assert result.seg_logits.data[0].isfinite().all()
    with pytest.raises(ValueError, match="3 outputs for 4 classes"):
        fused(3, background=None)
