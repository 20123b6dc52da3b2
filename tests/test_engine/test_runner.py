"""Training with mmengine's own runner, from a config to metrics and back."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import PREPROCESSOR, adversarial_objectives, tiny_segmentor
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_semisup.core.config_types import with_named_types
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine import runner as module
from mmseg_semisup.engine.runner import build_runner

pytestmark = pytest.mark.usefixtures("safe_checkpoints")

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}
CROP = [
    {"type": "RandomCrop", "crop_size": (24, 24)},
    {"type": "RandomFlip", "prob": 0.5},
]
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255]]


def config(folder, work_dir, **changes):
    masks = {
        "type": "BaseSegDataset",
        "data_root": str(folder),
        "data_prefix": {"img_path": "img", "seg_map_path": "ann"},
        "ann_file": "labeled.txt",
        "metainfo": {"classes": ("a", "b", "c"), "palette": PALETTE},
    }
    labels = {"type": "LoadAnnotations"}
    unlabeled = {
        "type": "UnlabeledDataset",
        "data_root": str(folder),
        "data_prefix": {"img_path": "img"},
        "exclude": "labeled.txt",
        "pipeline": [
            LOAD,
            {
                "type": "MultiView",
                "shared": CROP,
                "views": {
                    "unlabeled": [PACK],
                    "unlabeled_strong": [{"type": "PhotoMetricDistortion"}, PACK],
                },
            },
        ],
    }
    objectives = adversarial_objectives()
    objectives[0]["discriminator"]["num_classes"] = 3
    objectives.append({"type": "ConsistencyObjective", "threshold": 0.3})
    cfg = {
        "default_scope": "mmseg",
        "work_dir": str(work_dir),
        "experiment_name": f"{work_dir.name}",
        "model": {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(num_classes=3),
            "teacher": {"momentum": 0.9},
            "objectives": objectives,
            "data_preprocessor": PREPROCESSOR,
            "test_cfg": {"signal_maps": True},
        },
        "train_dataloader": {
            "batch_size": 4,
            "num_workers": 0,
            "sampler": {
                "type": "SourceSampler",
                "ratio": {"labeled": 1, "unlabeled": 1},
            },
            "collate_fn": {"type": "branch_collate"},
            "dataset": {
                "type": "SemiDataset",
                "sources": {
                    "labeled": {**masks, "pipeline": [LOAD, labels, *CROP, PACK]},
                    "unlabeled": unlabeled,
                },
            },
        },
        "val_dataloader": {
            "batch_size": 1,
            "num_workers": 0,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "dataset": {**masks, "test_mode": True, "pipeline": [LOAD, labels, PACK]},
        },
        "val_evaluator": {"type": "IoUMetric", "iou_metrics": ["mIoU"]},
        "val_cfg": {"type": "ValLoop"},
        "train_cfg": {"type": "IterBasedTrainLoop", "max_iters": 6, "val_interval": 6},
        "optim_wrapper": {
            "constructor": "JointOptimWrapperConstructor",
            "segmentor": {"optimizer": {"type": "SGD", "lr": 0.05, "momentum": 0.9}},
            "discriminator": {"optimizer": {"type": "Adam", "lr": 1e-3}},
        },
        "param_scheduler": [{"type": "PolyLR", "end": 12, "by_epoch": False}],
        "default_hooks": {
            "runtime_info": {"type": "DeferredInfoHook"},
            "logger": {"type": "LoggerHook", "interval": 2},
            "checkpoint": {
                "type": "CheckpointHook",
                "by_epoch": False,
                "interval": 3,
            },
        },
        "custom_hooks": [
            {"type": "TeacherUpdateHook"},
            {"type": "SignalPictureHook", "images": 2},
        ],
        "visualizer": {
            "type": "SegLocalVisualizer",
            "vis_backends": [{"type": "LocalVisBackend"}],
        },
        "randomness": {"seed": 0},
        "log_processor": {"by_epoch": False},
        "log_level": "WARNING",
    }
    merged = Config(copy.deepcopy(cfg))
    merged.merge_from_dict(changes)
    return merged


def train(cfg):
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def history(runner, name):
    return runner.message_hub.get_scalar(f"train/{name}").data[0].tolist()


def test_trains_validates_and_draws(folder, tmp_path):
    runner = train(config(folder, tmp_path / "run"))
    names = [
        "labeled.decode.loss_ce",
        "adversarial.loss_labeled",
        "adversarial.loss_unlabeled",
        "self_taught.loss",
        "consistency.loss",
        "adversarial.discriminator.loss",
    ]
    for name in names:
        assert len(history(runner, name)) == 6
    assert runner.model.teacher.updates.value == 6
    assert runner.message_hub.get_scalar("val/mIoU").current() >= 0
    assert list((tmp_path / "run").rglob("vis_image/signals_6.png"))
    rates = {
        name: optimizer.param_groups[0]["lr"]
        for name, optimizer in runner.optim_wrapper.items()
    }
    assert 0 < rates["segmentor"] < 0.05
    assert 0 < rates["discriminator"] < 1e-3


def test_the_log_is_that_of_mmengines_own_hook(folder, tmp_path):
    ours = train(config(folder, tmp_path / "ours"))
    plain = {"default_hooks.runtime_info.type": "RuntimeInfoHook"}
    theirs = train(config(folder, tmp_path / "theirs", **plain))
    assert set(ours.message_hub.log_scalars) == set(theirs.message_hub.log_scalars)
    for name in theirs.message_hub.log_scalars:
        if "time" not in name:
            first, second = (
                r.message_hub.get_scalar(name).data[0].tolist() for r in (ours, theirs)
            )
            assert first == second, name


def test_all_networks_are_validated_in_one_pass(folder, tmp_path):
    peer = {"model.networks": {"peer": {"type": "Peer"}}}
    loop = {"val_cfg.type": "TeacherStudentValLoop"}
    runner = train(config(folder, tmp_path / "run", **loop, **peer))
    scalars = {
        name: runner.message_hub.get_scalar(f"val/{name}/mIoU").current()
        for name in ("student", "teacher", "peer")
    }
    alone = config(folder, tmp_path / "alone", **peer)
    alone.load_from = str(tmp_path / "run/iter_6.pth")
    for name, value in scalars.items():
        alone.experiment_name = f"alone-{name}"
        alone.model.test_cfg.predict_with = name
        checker = Runner.from_cfg(alone)
        checker.load_or_resume()
        assert checker.val()["mIoU"] == pytest.approx(value)
    assert runner.model.predict_with == "student"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_sees_the_same_data(folder, tmp_path, workers):
    """Without dropout and mixing, the weights are those of the uninterrupted run."""
    changes = {
        "train_dataloader.num_workers": workers,
        "model.objectives.2.mix": "none",
    }
    whole = train(config(folder, tmp_path / "whole", **changes))
    resumed = config(folder, tmp_path / "resumed", **changes)
    resumed.load_from = str(tmp_path / "whole/iter_3.pth")
    resumed.resume = True
    resumed = train(resumed)
    expected = whole.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_gradient_accumulation_moves_the_teacher_once_a_step(folder, tmp_path):
    changes = {"optim_wrapper.accumulative_counts": 3}
    runner = train(config(folder, tmp_path / "run", **changes))
    assert runner.model.iteration.value == 6
    assert runner.model.teacher.updates.value == 2


def test_bf16_trains_on_a_cpu(folder, tmp_path):
    changes = {"optim_wrapper.precision": "bfloat16"}
    runner = train(config(folder, tmp_path / "run", **changes))
    assert all(value == value for value in history(runner, "loss"))


@pytest.mark.parametrize("mean", [1.0, 2.0])
def test_the_segmentors_own_preprocessor_is_trained_with(
    folder, tmp_path, mean, capsys
):
    cfg = config(folder, tmp_path / "run")
    own = {**PREPROCESSOR, "mean": [1.0] * 3}
    del cfg.model["data_preprocessor"]
    cfg.model.segmentor.data_preprocessor = own
    cfg.data_preprocessor = {**own, "type": "SegDataPreProcessor", "mean": [mean] * 3}
    runner = build_runner(cfg, strict=True)
    assert runner.model.data_preprocessor.mean.flatten().tolist() == [1.0] * 3
    warned = (
        "mean=[2.0, 2.0, 2.0] instead of [1.0, 1.0, 1.0]" in capsys.readouterr().err
    )
    assert warned == (mean == 2.0)


def test_a_left_over_is_refused_where_mmengine_builds_the_model(folder, tmp_path):
    cfg = config(folder, tmp_path / "run")
    cfg.model.segmentor.data_preprocessor = {**PREPROCESSOR, "mean": [1.0] * 3}
    cfg.data_preprocessor = cfg.model.pop("data_preprocessor")
    with pytest.raises(ValueError, match="contradicts the segmentor's own"):
        Runner.from_cfg(cfg)


CLASSES = """
from mmcv.transforms import LoadImageFromFile
from mmengine.runner import ValLoop
from mmseg.models import EncoderDecoder, SegDataPreProcessor
from torch.nn import GroupNorm
from mmseg_semisup.datasets import branch_collate

kinds = dict(
    model=EncoderDecoder, preprocessor=SegDataPreProcessor, load=LoadImageFromFile,
    collate=branch_collate, loop=ValLoop, norm=GroupNorm)
"""


def test_classes_reach_the_work_dir_as_text(folder, tmp_path):
    path = tmp_path / "classes.py"
    path.write_text(CLASSES)
    kinds = Config.fromfile(path).kinds
    cfg = config(folder, tmp_path / "run")
    cfg.model.segmentor.type = kinds.model
    cfg.model.segmentor.backbone.norm_cfg.type = kinds.norm
    cfg.model.data_preprocessor.type = kinds.preprocessor
    cfg.train_dataloader.collate_fn.type = kinds.collate
    cfg.train_dataloader.dataset.sources.labeled.pipeline[0].type = kinds.load
    cfg.val_cfg.type = kinds.loop
    cfg.train_cfg.max_iters = 1
    runner = build_runner(with_named_types(cfg), strict=True)
    runner.train()
    again = Config.fromfile(next((tmp_path / "run").rglob("config.py")))
    assert again.model.segmentor.type.endswith(".EncoderDecoder")
    build_runner(again, strict=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without one")
def test_memory_is_kept_on_a_cpu(folder, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(module, "keep_freed_memory", lambda: kept.append(True))
    build_runner(config(folder, tmp_path / "run"), strict=True)
    assert kept == [True]


def test_layer_decay_belongs_into_the_segmentors_part(folder, tmp_path):
    cfg = config(folder, tmp_path / "run")
    cfg.optim_wrapper = {
        "optimizer": {"type": "AdamW", "lr": 1.0},
        "constructor": "LayerDecayOptimizerConstructor",
    }
    with pytest.raises(ConfigError, match=r"segmentor=dict\(constructor='LayerDecay"):
        build_runner(cfg, strict=True)
