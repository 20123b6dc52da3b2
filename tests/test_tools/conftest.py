from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from helpers import forget_runs
from PIL import Image
from tiny_training import MODEL, write_adversarial, write_checkpoint

TOOLS = Path(__file__).resolve().parents[2] / "tools"

TEST_PIPELINE = """
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(48, 32), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')]
"""


@pytest.fixture
def run_tool(monkeypatch, restored_readers) -> Callable[..., ModuleType]:
    """Runs ``tools/NAME.py`` in this process, as if from the command line."""

    def run(name: str, *arguments: object) -> None:
        spec = importlib.util.spec_from_file_location(f"tool_{name}", TOOLS / name)
        tool = importlib.util.module_from_spec(spec)
        forget_runs()
        spec.loader.exec_module(tool)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        tool.run_tool(tool.main)

    return run


@pytest.fixture
def config(tmp_path) -> Path:
    """The file of a tiny semi-supervised config with an EMA teacher."""
    path = tmp_path / "tiny.py"
    path.write_text(MODEL + TEST_PIPELINE)
    return path


@pytest.fixture
def training(tmp_path) -> Path:
    """The file of a tiny config that trains AdvSemiSeg on four generated images."""
    return write_adversarial(tmp_path)


@pytest.fixture
def checkpoint(config) -> Path:
    """A checkpoint for it, in which student and teacher differ."""
    return write_checkpoint(config)


@pytest.fixture
def images(tmp_path) -> Path:
    """A folder of images of several sizes, one in a folder below."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "images"
    for name, size in {
        "a.jpg": (30, 40),
        "b.png": (64, 24),
        "sub/c.png": (9, 9),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return folder
