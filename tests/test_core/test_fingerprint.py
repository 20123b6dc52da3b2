"""What a result depends on, and how a change of it is said."""

from __future__ import annotations

import copy

import pytest

from mmseg_semisup.core.fingerprint import (
    differences,
    fingerprint_of_rest,
    fingerprint_of_start,
)

CONFIG = {
    "work_dir": "/runs/old",
    "load_from": "/weights.pth",
    "method": "fixmatch",
    "my_variable": 5,
    "launcher": "none",
    "model": {
        "type": "SemiSegmentor",
        "teacher": {"momentum": 0.9},
        "backbone": {"pretrained": "a", "init_cfg": {"checkpoint": "b"}},
    },
    "train_dataloader": {
        "batch_size": 2,
        "num_workers": 4,
        "dataset": {"store": "/runs/old/pseudo_masks", "list": "/runs/lists/a.txt"},
    },
    "default_hooks": {
        "logger": {"interval": 1},
        "checkpoint": {"interval": 5, "save_best": "mIoU"},
    },
}


def changed(path: str, value: object) -> dict:
    """The config with another value at a path."""
    cfg = copy.deepcopy(CONFIG)
    *before, last = path.split(".")
    node = cfg
    for key in before:
        node = node[key]
    node[last] = value
    return cfg


def told(path: str, value: object, fingerprint: object = None) -> list[str]:
    take = fingerprint or (lambda cfg: fingerprint_of_rest(cfg, cfg["work_dir"]))
    return [str(d) for d in differences(take(CONFIG), take(changed(path, value)))]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("model.teacher.momentum", 0.5, "model.teacher.momentum: 0.9 -> 0.5"),
        ("model.teacher.start", 9, "model.teacher.start is new (9)"),
        ("model.teacher", {}, "model.teacher.momentum is gone (was 0.9)"),
        ("train_dataloader.batch_size", 4, "train_dataloader.batch_size: 2 -> 4"),
        (
            "default_hooks.checkpoint.save_best",
            "mAcc",
            'default_hooks.checkpoint.save_best: "mIoU" -> "mAcc"',
        ),
    ],
)
def test_what_shapes_the_result_is_told(path, value, line):
    assert told(path, value) == told(path, value, fingerprint_of_start) == [line]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("my_variable", 6),
        ("launcher", "slurm"),
        ("train_dataloader.num_workers", 0),
        ("default_hooks.logger.interval", 50),
    ],
)
def test_what_does_not_is_not(path, value):
    assert told(path, value) == told(path, value, fingerprint_of_start) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("load_from", None),
        ("method", "mean_teacher"),
        ("model.backbone.pretrained", None),
        ("model.backbone.init_cfg", None),
        ("default_hooks.checkpoint.interval", 9),
    ],
)
def test_what_matters_at_the_beginning_only(path, value):
    assert told(path, value) == []
    assert len(told(path, value, fingerprint_of_start)) == 1


def test_a_work_dir_may_move_with_what_is_beside_it():
    moved = changed("work_dir", "/other/new")
    data = moved["train_dataloader"]["dataset"]
    data.update(store="/other/new/pseudo_masks", list="/other/lists/a.txt")
    prints = [fingerprint_of_rest(cfg, cfg["work_dir"]) for cfg in (CONFIG, moved)]
    assert prints[0] == prints[1]
    assert told("train_dataloader.dataset.list", "/elsewhere/a.txt")


def test_a_function_has_no_address():
    one = fingerprint_of_start({"model": {"type": lambda: 1}})
    assert " at 0x" not in str(one)
