from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from tiny_training import write_adversarial
from torch import nn

from mmseg_semisup.engine.outline import _model, _weights, outline
from mmseg_semisup.engine.runner import build_runner


def outlined(cfg: Config, monkeypatch, **changes: object) -> dict[str, str]:
    """Topic to text in the outline of a training."""
    cfg.merge_from_dict(changes)
    found: list[str] = []
    monkeypatch.setattr(
        "mmseg_semisup.engine.hooks.outline_hook.outline",
        lambda runner: found.append(outline(runner)) or found[-1],
    )
    resumed = cfg.get("resume", False)
    build_runner(cfg, resumed, "changes" if resumed else None).train()
    headline, *lines = found[0].splitlines()
    topics: dict[str, str] = {}
    for line in lines:
        name, text = line[2:15].strip(), line[15:]
        if name:
            topics[name] = text
        else:
            topics[next(reversed(topics))] += f"\n{text}"
    return {"headline": headline, **topics}


@pytest.fixture
def cfg(tmp_path) -> Config:
    cfg = Config.fromfile(write_adversarial(tmp_path))
    cfg.work_dir = str(tmp_path / "work")
    return cfg


def test_what_a_training_will_do(cfg, monkeypatch):
    cfg.model.objectives.self_taught.start = 3
    found = outlined(cfg, monkeypatch)
    assert found["headline"] == "This training"
    assert found["model"].startswith("EncoderDecoder of UNet and FCNHead, 3 classes, ")
    assert found["weights"] == "random: no part has pretrained weights"
    assert found["networks"] == "student; teacher (its moving average, momentum 0.9)"
    assert found["objectives"] == (
        "adversarial (Adversarial, labeled from the start, unlabeled from the start)\n"
        "self_taught (SelfTaught, weight 0.1, from iteration 3)"
    )
    assert found["images"] == (
        "labeled 4, 2 images an iteration; unlabeled 4, 2 images an iteration"
    )
    assert found["length"] == (
        "4 iterations: 2 times all labeled images, 2 times all unlabeled images"
    )
    assert found["optimizers"] == (
        "segmentor SGD, learning rate 0.01; discriminator Adam, learning rate 0.0001; "
        "constant learning rate"
    )
    assert found["validation"] == "4 images every 4 iterations"
    assert found["checkpoints"] == "every 2 iterations, kept: the last 1"
    assert found["device"] == "CPU, 1 process, float32"
    assert f"{cfg.work_dir}: config training.py, log 20" in found["files"]


def test_weights_of_an_encoder_of_transformers_are_named():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Identity())
    network[1].weights = "dinov2.pth"
    network[0].init_cfg = dict(type="Pretrained", checkpoint="first.pth")
    found = _weights(network, SimpleNamespace(_load_from=None))
    assert found == "first.pth, dinov2.pth; the other parts start at random"


def test_a_resumed_training_says_where_it_goes_on(cfg, monkeypatch):
    outlined(cfg, monkeypatch, **{"train_cfg.max_iters": 2})
    path = f"{cfg.work_dir}/iter_2.pth"
    changes = {"train_cfg.max_iters": 4, "load_from": path, "resume": True}
    found = outlined(cfg, monkeypatch, **changes)
    assert found["headline"] == f"This training, resumed after iteration 2 ({path})"
    assert found["weights"] == f"resumed from {path}"


def test_parameters_are_those_of_one_network():
    """A teacher's are not counted, as if half of the model were frozen."""
    student, teacher = nn.Linear(9, 9), nn.Linear(9, 9).requires_grad_(False)
    model = nn.ModuleDict({"classifier": student, "teacher": teacher})
    model.classifier, model.teacher = student, teacher
    loader = SimpleNamespace(dataset=None)
    text = _model(model, SimpleNamespace(train_dataloader=loader))
    assert text == "Linear, 90 parameters"


def test_frozen_parameters_and_precision_and_best(cfg, monkeypatch):
    cfg.model.segmentor.backbone.norm_cfg = dict(type="BN", requires_grad=False)
    cfg.default_hooks.checkpoint.save_best = "teacher/mIoU"
    found = outlined(
        cfg,
        monkeypatch,
        val_cfg=dict(type="TeacherStudentValLoop"),
        optim_wrapper=dict(precision="bfloat16"),
        param_scheduler=[dict(type="PolyLR", end=4, by_epoch=False)],
        **{
            "model.teacher.momentum": [(0, 0.9), (2, 0.99)],
            "optim_wrapper.segmentor.paramwise_cfg": {
                "custom_keys": {"decode_head": {"lr_mult": 10}}
            },
        },
    )
    assert "momentum 0.9, later 0.99)" in found["networks"]
    rates = "segmentor SGD, learning rates from 0.01 to 0.1 by parameter; "
    assert found["optimizers"].startswith(rates)
    assert found["model"].endswith(" of them frozen")
    assert found["device"] == "CPU, 1 process, bfloat16"
    assert found["validation"].endswith(", with student and teacher")
    assert found["checkpoints"].endswith("the last 1 and the best by teacher/mIoU")
    assert found["optimizers"].endswith("; PolyLR")
