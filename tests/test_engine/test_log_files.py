"""Logs on a disk that fails: one warning, and no other trace."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import pytest
from mmengine.visualization import LocalVisBackend, Visualizer

from mmseg_semisup.engine.log_files import LogGuard


class Broken(logging.StreamHandler):
    """A console that has gone, or a program that fails."""

    error: Exception = BrokenPipeError(errno.EPIPE, "Broken pipe")

    def flush(self) -> None:
        raise self.error


@pytest.fixture
def logger() -> logging.Logger:
    return logging.Logger("own")


def test_a_full_disk_is_told_once(logger, capsys):
    logger.addHandler(logging.FileHandler("/dev/full"))
    logger.addHandler(Broken())
    LogGuard().watch_logger(logger)
    for _ in range(3):
        logger.warning("step")
    shown = capsys.readouterr().err.replace("step\n", "")
    assert shown.count("\n") == 1
    assert shown.startswith("warning: /dev/full cannot be written (No space left on")


def test_other_errors_are_shown(logger, capsys, monkeypatch):
    monkeypatch.setattr(Broken, "error", KeyError("own mistake"))
    logger.addHandler(Broken())
    LogGuard().watch_logger(logger)
    logger.warning("step")
    assert "KeyError: 'own mistake'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [OSError(errno.EROFS, os.strerror(errno.EROFS)), ValueError("own")]
)
def test_backends(tmp_path, capsys, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    backend = LocalVisBackend(str(tmp_path / "vis"))
    visualizer = Visualizer(name=str(tmp_path), vis_backends=[backend])
    LogGuard().watch_backends(visualizer)
    visualizer.add_scalar("loss", 1.0)
    (file,) = Path(tmp_path).rglob("scalars.json")
    monkeypatch.setattr(backend, "_dump", fail)
    if isinstance(error, OSError):
        for _ in range(2):
            visualizer.add_scalars({"loss": 1.0})
        assert capsys.readouterr().err.count("Read-only file system") == 1
    else:
        with pytest.raises(ValueError, match="own"):
            visualizer.add_scalars({"loss": 1.0})
    assert file.read_text().count("loss") == 1
