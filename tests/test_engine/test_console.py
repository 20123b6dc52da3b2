"""What the console shows of a training, line by line."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.visualization import Visualizer
from tiny_training import write_adversarial

from mmseg_semisup.engine.console import ConsoleFormatter
from mmseg_semisup.engine.hooks import OutlineHook
from mmseg_semisup.engine.loops import (
    EqualSizeTestLoop,
    EqualSizeValLoop,
    TeacherStudentValLoop,
)
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.visualization import SegLegendVisualizer


@pytest.fixture
def cfg(tmp_path) -> Config:
    cfg = Config.fromfile(write_adversarial(tmp_path))
    cfg.work_dir = str(tmp_path / "work")
    cfg.model.segmentor.backbone.norm_cfg = dict(type="BN", requires_grad=False)
    rates = dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))
    cfg.optim_wrapper.segmentor.paramwise_cfg = rates
    return cfg


def lines(text: str) -> list[str]:
    return [re.sub(r"^\d\d/\d\d [\d:]{8}  ", "", line) for line in text.splitlines()]


def test_the_first_screen(cfg, capsys):
    runner = build_runner(cfg, strict=False)
    runner.train()
    shown = lines(capsys.readouterr().out)
    first = next(i for i, line in enumerate(shown) if line.startswith("iter 2/4"))
    assert first < 25
    (place,) = (i for i, line in enumerate(shown) if line == "This training")
    outlined = [line[2:15].strip() for line in shown[place + 1 : place + 12]]
    topics = [topic for topic in outlined if topic]
    assert topics == [
        "model", "weights", "networks", "objectives", "images", "length",
        "optimizers", "validation", "checkpoints", "device",
    ]  # fmt: skip
    text = "\n".join(shown)
    for noise in (
        "requires_grad", "System environment", "custom_imports", "Hooks will be",
        "Exp name", "The draw is False", "\x1b", "paramwise_options",
    ):  # fmt: skip
        assert noise not in text
    (file,) = Path(cfg.work_dir).glob("*/*.log")
    kept = file.read_text()
    assert "System environment" in kept
    assert "Hooks will be executed" in kept
    assert "custom_imports" in kept
    assert "paramwise_options" in kept
    assert "requires_grad=False" not in kept.split("Config:")[0]


def test_a_resumed_training_skips_no_data(cfg, capsys):
    cfg.train_cfg.max_iters = 2
    build_runner(cfg, strict=False).train()
    cfg.train_cfg.max_iters = 4
    cfg.update(resume=True, load_from=f"{cfg.work_dir}/iter_2.pth")
    capsys.readouterr()
    build_runner(cfg, strict=True, accept="changes").train()
    said = capsys.readouterr().out
    assert "resumed after iteration 2" in said
    assert "skip data" not in said


def test_validation_and_test_are_in_batches_of_equal_size(cfg):
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.val_cfg, cfg.test_cfg = {"type": "ValLoop"}, {"fp16": False}
    runner = build_runner(cfg, strict=False)
    assert type(runner.build_val_loop(runner._val_loop)) is EqualSizeValLoop
    assert type(runner.build_test_loop(runner._test_loop)) is EqualSizeTestLoop
    stated = {**cfg.val_cfg, "type": "TeacherStudentValLoop"}
    stated |= {"dataloader": cfg.val_dataloader, "evaluator": cfg.val_evaluator}
    assert type(runner.build_val_loop(stated)) is TeacherStudentValLoop


def test_samples_are_painted_with_a_legend(cfg):
    cfg.experiment_name = "legend"
    cfg.visualizer.name = "legend"
    runner = build_runner(cfg, strict=False)
    assert type(runner.visualizer) is SegLegendVisualizer
    assert runner.cfg.visualizer.type == "SegLocalVisualizer"
    own = {"type": "Visualizer", "name": "own"}
    assert type(runner.build_visualizer(own)) is Visualizer


def test_runs_of_one_process_write_into_their_own_folders(cfg, tmp_path):
    for number, name in enumerate(("first", "second")):
        cfg.work_dir = str(tmp_path / name)
        cfg.experiment_name = f"run{number}"
        cfg.train_cfg.max_iters = 2
        build_runner(cfg, strict=False).train()
        (file,) = (tmp_path / name).glob("*/vis_data/scalars.json")
        assert len(file.read_text().splitlines()) == 2


def test_only_warnings_name_their_level():
    form = ConsoleFormatter()
    texts = []
    for level in (logging.INFO, logging.WARNING):
        record = logging.LogRecord("x", level, "file", 1, "say %s", ("it",), None)
        texts.append(form.format(record)[16:])
    assert texts == ["say it", "WARNING: say it"]


def test_the_outline_comes_first():
    assert OutlineHook.priority == "HIGHEST"
