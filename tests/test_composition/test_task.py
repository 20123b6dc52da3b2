"""Trainings of a classifier, and the three stages of s4GAN and MLMT."""

import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.registry import MODELS
from plain_configs import CLASSES, LOAD, MASKS, draw_images, plain_config

from mmseg_semisup.composition import compose, compose_recorded
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages.plan import split_stages
from mmseg_semisup.stages.run import check_image_labels

TOOLS = Path(__file__).parents[2] / "tools"
SQUASH = dict(type="Resize", scale=(40, 32), keep_ratio=False)
LABELS = dict(type="LoadImageLabels", num_classes=2, ignore_index=255)
PACK_LABELS = dict(type="PackImageLabels")


def classifier(weak=None, unlabeled="photos", method="mlmt", **changes):
    return compose(plain_config(**changes), method, unlabeled, weak=weak)


def ratio(cfg):
    return cfg.train_dataloader.sampler.ratio


def test_the_classifiers_pipelines():
    cfg = classifier(weak="photos/labels.txt")
    sources = cfg.train_dataloader.dataset.sources
    assert sources.labeled.pipeline[:3] == [LOAD, MASKS, LABELS]
    assert sources.weak.pipeline[:2] == [LOAD, LABELS]
    assert sources.unlabeled.pipeline[:1] == [LOAD]
    for name, source in sources.items():
        multi = source.pipeline[-1]
        assert multi.shared == [SQUASH]
        assert set(multi.views) == {name, f"{name}_teacher"}
        packs = {view[-1].type for view in multi.views.values()}
        labelled = name != "unlabeled"
        assert packs == {"PackImageLabels" if labelled else "PackSegInputs"}
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.pipeline == [LOAD, MASKS, LABELS, SQUASH, PACK_LABELS]
    assert [m.type for m in cfg.val_evaluator] == ["MultiLabelMetric"]
    assert cfg.default_hooks.checkpoint.save_best == "mAP"


def test_the_length_and_the_schedule_are_a_share():
    train_cfg = dict(max_iters=35000, val_interval=5000)
    hooks = dict(checkpoint=dict(type="CheckpointHook", interval=3500))
    cfg = classifier(train_cfg=train_cfg, default_hooks=hooks)
    assert cfg.train_cfg.max_iters == 3400
    assert cfg.train_cfg.val_interval == 486
    assert cfg.default_hooks.checkpoint.interval == 340
    [schedule] = cfg.param_scheduler.segmentor
    assert (schedule.type, schedule.end) == ("CosineAnnealingLR", 3400)


@pytest.mark.parametrize(("batch", "rate"), [(2, 0.03 / 8), (16, 0.03), (32, 0.03)])
def test_a_small_batch_has_a_lower_learning_rate(batch, rate):
    cfg = classifier(train_dataloader=dict(batch_size=batch))
    assert cfg.optim_wrapper.segmentor.optimizer.lr == pytest.approx(rate)
    notes = [note for note in cfg.composed.notes if "learning rate" in note]
    assert len(notes) == (batch < 16)


def test_the_length_in_epochs():
    loop = dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs=30)
    cfg = classifier(train_cfg=loop)
    assert cfg.train_cfg.max_epochs == 3
    [schedule] = cfg.param_scheduler.segmentor
    assert (schedule.end, schedule.by_epoch) == (3, True)
    assert schedule.convert_to_iter_based


@pytest.mark.parametrize(
    ("unlabeled", "weak", "expected"),
    [
        ("photos", None, dict(labeled=1, unlabeled=5)),
        (None, "photos/labels.txt", dict(labeled=1, weak=5)),
        ("photos", "photos/labels.txt", dict(labeled=1, unlabeled=3, weak=2)),
    ],
)
def test_five_other_images_for_each_labelled_one(unlabeled, weak, expected):
    cfg = classifier(weak, unlabeled)
    assert dict(ratio(cfg)) == expected
    assert cfg.train_dataloader.batch_size == 12
    sources = cfg.train_dataloader.dataset.sources
    assert set(sources) == set(expected)
    if unlabeled and weak:
        assert "source:weak" in sources.unlabeled.exclude


def test_weak_images_are_unlabelled_where_their_labels_are_not_read():
    cfg = classifier("photos/labels.txt", None, "s4gan_mlmt")
    first, second, _ = split_stages(cfg)
    images = first.cfg.train_dataloader.dataset.sources.unlabeled.images_of
    assert images.type == "WeakLabelDataset"
    assert images.ann_file == "photos/labels.txt"
    assert set(second.cfg.train_dataloader.dataset.sources) == {"labeled", "weak"}


def test_the_fusion_has_both_networks():
    *_, fused = split_stages(classifier(method="s4gan_mlmt"))
    model, plain = fused.cfg.model, plain_config()
    assert fused.task == "evaluate"
    assert model.segmentor == plain.model
    assert model.classifier.backbone == plain.model.backbone
    assert model.classifier_size == (32, 40)
    assert model.classes == CLASSES
    assert model.background == "background"
    assert fused.cfg.test_cfg.type == "FusionTestLoop"
    assert fused.cfg.test_evaluator.type == "IoUMetric"
    assert fused.checkpoints == [("mlmt", "last"), ("s4gan", "last")]
    model = {**model, "segmentor_checkpoint": None, "classifier_checkpoint": None}
    assert MODELS.build(model).classifier.num_classes == 2


def test_the_users_other_optimizers_do_not_train_the_classifier():
    own = dict(optimizer=dict(type="SGD", lr=1.0))
    wrapper = dict(_delete_=True, constructor="JointOptimWrapperConstructor")
    cfg = classifier(optim_wrapper=dict(wrapper, segmentor=own, decode_head=own))
    assert set(cfg.optim_wrapper) == {"constructor", "segmentor"}


def test_what_is_made_for_the_segmentor_is_left_out():
    hooks = dict(visualization=dict(type="SegVisualizationHook", draw=True))
    plain = plain_config(load_from="seg.pth", default_hooks=hooks)
    plain.custom_hooks = [dict(type="EMAHook")]
    cfg, record = compose_recorded(plain, "mlmt", "photos")
    assert cfg.load_from is None
    assert cfg.default_hooks.visualization is None
    assert "EMAHook" not in [hook.type for hook in cfg.custom_hooks]
    assert any("load_from" in note for note in record.notes)


@pytest.mark.parametrize(
    ("method", "weak", "message"),
    [
        ("cutmix", "l.txt", "reads no image labels; .*mlmt, s4gan_mlmt"),
        (
            dict(base="mlmt", iterations=2),
            None,
            "method.iterations=2; allowed: above 0, at most 1",
        ),
        (
            dict(base="mlmt", teacher=dict(momentum=0.9)),
            None,
            "a model of its own, or teacher of the segmentor",
        ),
    ],
)
def test_mistakes_are_named(method, weak, message):
    with pytest.raises(ConfigError, match=message):
        compose(plain_config(), method, "photos", weak=weak)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "train5: objekt",
            r"stages: mlmt: .*train5 has the unknown class objekt",
        ),
        ("train99: object", r"stages: mlmt: .*no image in .* for train99"),
        (None, "stages: mlmt: .*no list of ids"),
    ],
)
def test_image_labels_are_read_before_the_first_stage(tmp_path, line, message):
    draw_images(tmp_path)
    if line:
        (tmp_path / "labels.txt").write_text(line)
    weak = [str(tmp_path / "labels.txt"), str(tmp_path / "train" / "images")]
    with pytest.raises(ConfigError, match=message):
        check_image_labels(split_stages(classifier(weak, method="s4gan_mlmt")))


@pytest.mark.slow
def test_one_command_trains_all_three_stages(tmp_path):
    draw_images(tmp_path / "data", images=8, masks=4)
    plain_config(iters=20).dump(tmp_path / "plain.py")
    (tmp_path / "labels.txt").write_text("train5: object\ntrain6: object\n")
    images = "data/train/images"
    command = [sys.executable, TOOLS / "train.py", "plain.py", "--work-dir", "out"]
    command += ["--method", "s4gan_mlmt", "--unlabeled", images]
    command += ["--weak", "labels.txt", images]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unlabeled 2, 6 images an iteration; weak 2, 4 images" in done.stdout
    assert (tmp_path / "out" / "fused" / "model.pth").is_file()
    metrics = (tmp_path / "out" / "fused" / "metrics.json").read_text()
    assert '"s4GAN + MLMT"' in metrics
    written = Config.fromfile(tmp_path / "out" / "mlmt" / "plain.py")
    assert written.train_cfg.max_iters == 2
