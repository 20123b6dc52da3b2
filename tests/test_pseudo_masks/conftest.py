from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from tiny_training import write_checkpoint, write_stages

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.pseudo_masks import Settings, make_pseudo_masks


@pytest.fixture(scope="session")
def training(tmp_path_factory) -> Path:
    """The file of the tiny config; its checkpoint is beside it."""
    path = write_stages(tmp_path_factory.mktemp("pseudo"))
    write_checkpoint(path)
    return path


@pytest.fixture
def checkpoint(training) -> Path:
    """Its checkpoint."""
    return training.with_name("iter_7.pth")


@pytest.fixture
def cfg(training) -> Config:
    """The config without stages."""
    return load_config(training, stages="base")


@pytest.fixture
def make(cfg, checkpoint, tmp_path):
    """Makes pseudo-masks of the tiny training."""

    def run(folder: str = "store", report=None, **options) -> dict:
        options.setdefault("sources", ("labeled", "unlabeled"))
        options.setdefault("batch_size", 2)
        settings = Settings(**options)
        return make_pseudo_masks(
            cfg, checkpoint, tmp_path / folder, settings, report=report
        )

    return run
