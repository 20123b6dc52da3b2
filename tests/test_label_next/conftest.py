from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from tiny_training import DATA, MODEL, write_checkpoint, write_data

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.label_next.scorer import Scorer


@pytest.fixture
def config(tmp_path) -> Path:
    """The file of a tiny training with a teacher, whose images 0 and 1 have masks."""
    root = write_data(tmp_path / "data", images=9, labeled=2)
    path = tmp_path / "tiny.py"
    unlabeled = "unlabeled.update(exclude='source:labeled')\n"
    path.write_text(f"data_root = {str(root)!r}\n{MODEL}{DATA}{unlabeled}")
    return path


@pytest.fixture
def cfg(config) -> Config:
    """The tiny training's config."""
    return Config.fromfile(config)


@pytest.fixture
def checkpoint(config) -> Path:
    """A checkpoint of it."""
    return write_checkpoint(config)


@pytest.fixture
def scorer(cfg, checkpoint) -> Scorer:
    """Its student and its teacher."""
    return Scorer(cfg, load_checkpoint_file(checkpoint))
