"""The check of thresholds on the predictions of a validation."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, sample, tiny_segmentor
from mmengine.evaluator import Evaluator
from mmseg.evaluation import IoUMetric
from mmseg.registry import MODELS
from plain_configs import draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.engine.hooks import ThresholdCheckHook
from mmseg_semisup.engine.hooks.threshold_check_hook import PICTURE, selections
from mmseg_semisup.engine.runner import build_runner

META = {"classes": [f"class{i}" for i in range(NUM_CLASSES)]}


def build(**objectives):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "teacher": {"momentum": 0.9},
            "objectives": objectives,
            "data_preprocessor": PREPROCESSOR,
            "test_cfg": {"predict_with": "teacher"},
        }
    )
    torch.nn.init.normal_(model.teacher.network.decode_head.conv_seg.weight)
    return model.eval()


def consistency(**changes):
    return {"type": "ConsistencyObjective", "mix": "none", **changes}


def test_the_objectives_that_select_by_confidence():
    model = build(
        first=consistency(threshold=0.9),
        all_pixels=consistency(threshold=0),
        same=consistency(select="first"),
        several=consistency(
            labels_from={"type": "Ensemble", "networks": ["student", "teacher"]}
        ),
        adaptive=consistency(
            select={"type": "SelfAdaptiveThreshold"}, labels_from="student"
        ),
        share=consistency(select={"type": "ConfidentShare"}),
        strong={"type": "UniMatchObjective"},
        taught={"type": "SelfTaughtObjective", "start": 0},
    )
    found = [(name, network) for name, network, _ in selections(model)]
    assert found == [
        ("first", "teacher"),
        ("adaptive", "student"),
        ("share", "teacher"),
        ("strong", "teacher"),
    ]


def evaluator():
    made = Evaluator([IoUMetric()])
    made.dataset_meta = META
    return made


def validate(hook, runner, model):
    """One validation of two images by the teacher; the metrics, and what was said."""
    hook.before_val(runner)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 16, 16, generator=generator)
    labels = torch.randint(0, NUM_CLASSES, (2, 16, 16), generator=generator)
    labels[:, :4] = 255
    samples = [sample((16, 16), label) for label in labels]
    with torch.no_grad():
        predicted = model.predict(images, samples)
    runner.val_loop.evaluators["teacher"].process(predicted, {})
    metrics = runner.val_loop.evaluators["teacher"].evaluate(2)
    hook.after_val_epoch(runner, metrics)
    return metrics, predicted, labels


@pytest.fixture
def runner(tmp_path):
    loop = SimpleNamespace(
        evaluators={"student": evaluator(), "teacher": evaluator()},
    )
    return SimpleNamespace(
        model=None,
        val_loop=loop,
        work_dir=str(tmp_path),
        iter=7,
        logger=logging.getLogger("thresholds"),
    )


def test_the_label_givers_predictions_are_measured(runner, tmp_path, caplog):
    model = runner.model = build(learn=consistency(threshold=0.4))
    hook = ThresholdCheckHook()
    with caplog.at_level(logging.INFO, "thresholds"):
        metrics, predicted, labels = validate(hook, runner, model)
        again, *_ = validate(hook, runner, model)
    assert again == pytest.approx(metrics, nan_ok=True)
    probs = torch.stack([one.seg_logits.data.softmax(0) for one in predicted])
    kept = (probs.amax(1) >= 0.4) & (labels != 255)
    right = (probs.argmax(1) == labels) & kept
    share = 100 * kept.sum().item() / (labels != 255).sum().item()
    assert metrics["learn/kept"] == pytest.approx(share, abs=0.01)
    precision = 100 * right.sum().item() / kept.sum().item()
    assert metrics["learn/precision"] == pytest.approx(precision, abs=0.01)
    assert f"learn/precision/{META['classes'][0]}" in metrics
    assert len(runner.val_loop.evaluators["teacher"].metrics) == 2
    assert len(runner.val_loop.evaluators["student"].metrics) == 1
    assert "objectives.learn, labels of the teacher: confidence 0.4: " in caplog.text
    assert "fewer than 40 %" in caplog.text
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_thresholds_are_those_of_the_validation(runner):
    model = runner.model = build(
        learn=consistency(select={"type": "SelfAdaptiveThreshold"})
    )
    hook = ThresholdCheckHook(precision=0.0)
    lower, *_ = validate(hook, runner, model)
    model.objectives["learn"].select.confidence.fill_(0.9)
    higher, *_ = validate(hook, runner, model)
    assert higher["learn/kept"] < lower["learn/kept"] == 100


def test_other_models_and_networks_are_left_alone(runner, tmp_path):
    runner.model = torch.nn.Identity()
    hook = ThresholdCheckHook()
    hook.before_val(runner)
    hook.after_val_epoch(runner, {})
    runner.model = build(learn=consistency(threshold=0.4, labels_from="student"))
    runner.val_loop = SimpleNamespace(evaluator=evaluator())
    hook.before_val(runner)
    # The teacher is validated, and the student gives the labels.
    assert len(runner.val_loop.evaluator.metrics) == 1
    assert not list(tmp_path.iterdir())


def test_the_level_is_a_probability():
    with pytest.raises(ValueError, match=r"precision=95; allowed: 0 to 1"):
        ThresholdCheckHook(95)


@pytest.mark.slow
def test_every_training_with_a_threshold_has_it(tmp_path):
    draw_images(tmp_path / "data")
    photos = str(tmp_path / "data/train/images")
    cfg = compose(plain_config(tmp_path / "data"), "cutmix", photos)
    cfg.work_dir = str(tmp_path / "out")
    cfg.visualizer = dict(
        type="Visualizer", vis_backends=[dict(type="LocalVisBackend")]
    )
    runner = build_runner(cfg, strict=False)
    runner.train()
    assert (tmp_path / "out" / PICTURE).is_file()
    (file,) = tmp_path.glob("out/*/vis_data/scalars.json")
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    (found,) = [entry for entry in entries if "teacher/mIoU" in entry]
    assert 0 <= found["teacher/consistency/kept"] <= 100
    names = {key for key in found if "/precision" in key}
    classes = ("background", "object")
    expected = {f"teacher/consistency/precision/{name}" for name in classes}
    assert names == {"teacher/consistency/precision", *expected}
