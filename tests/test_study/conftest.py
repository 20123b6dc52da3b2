from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from tiny_study import stub_command, study_writer

from mmseg_semisup.study.cells import Cell

COMMIT = "abc1234"


@pytest.fixture
def write_study(tmp_path) -> Callable[..., Path]:
    """Writes a study of a tiny plain config with six images, and returns its file."""
    return study_writer(tmp_path)


def make_cell(name: str = "a_seed0", iterations: int = 20, **changes: object) -> Cell:
    """A cell whose training is the stub's, with its behaviour in the config."""
    train = {"max_iters": iterations, "val_interval": iterations // 2}
    cfg = Config({"model": {"type": "X"}, "train_cfg": train, **changes})
    method, _, seed = name.rpartition("_seed")
    given = (name, method, "", int(seed), cfg, iterations, (), 5)
    return Cell(*given)


@pytest.fixture(autouse=True)
def _commit(monkeypatch):
    """No question to git for each training."""
    monkeypatch.setattr("mmseg_semisup.study.training.project_commit", lambda: COMMIT)


@pytest.fixture
def stub() -> SimpleNamespace:
    """What tests of schedules need."""
    return SimpleNamespace(cell=make_cell, command=stub_command)


@pytest.fixture
def stubbed(monkeypatch) -> None:
    """The stub in place of every training."""
    monkeypatch.setattr("mmseg_semisup.study.training.train_command", stub_command)
    monkeypatch.setattr("mmseg_semisup.study.schedule.INTERVAL_S", 0.01)
