from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_semisup.core.errors import ConfigError


@pytest.fixture
def runner(tmp_path):
    """What the hook reads of a runner: a config of one image, and a logger."""
    for name, size in (("images/a.png", (6, 8, 3)), ("masks/a.png", (6, 8))):
        path = tmp_path / name
        path.parent.mkdir()
        Image.fromarray(np.zeros(size, np.uint8)).save(path)
    dataset = {
        "type": "FolderDataset",
        "classes": ["a", "b"],
        "data_root": str(tmp_path),
        "pipeline": [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}],
    }
    lines = []
    return SimpleNamespace(
        cfg=Config({"train_dataloader": {"dataset": dataset}}),
        logger=SimpleNamespace(info=lines.append),
        lines=lines,
        root=tmp_path,
    )


def build(**options):
    return HOOKS.build({"type": "DataCheckHook", **options})


def test_good_data_is_logged(runner):
    build().before_train(runner)
    assert "labeled 1 images; no problems" in runner.lines[-1]


def test_mistakes_stop_training(runner):
    Image.fromarray(np.zeros((8, 6), np.uint8)).save(runner.root / "masks/a.png")
    with pytest.raises(ConfigError, match=r"mistakes\n.*1 problem .*\n.*another size"):
        build().before_train(runner)
    build(level="off").before_train(runner)


def test_full_level_and_allowed_problems(runner):
    build().before_train(runner)
    with pytest.raises(ConfigError, match="no labelled image shows 'b'"):
        build(level="full").before_train(runner)
    build(level="full", allow=["missing-class"]).before_train(runner)
    assert "Allowed: classes without a labelled image" in runner.lines[-1]
    assert "100.00%" in runner.lines[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "fast"}, "level='fast'; allowed"),
        ({"allow": ["size"]}, r"allow=\['size'\]; allowed"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
