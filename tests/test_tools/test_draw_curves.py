"""Curves of several runs in one picture."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.evaluation import MultiLabelMetric

TOOL = Path(__file__).parents[2] / "tools" / "draw_curves.py"


@pytest.fixture
def draw(monkeypatch, tmp_path):
    """Runs the tool; returns its picture, (H, W, 3), uint8."""
    spec = importlib.util.spec_from_file_location("draw_curves_tool", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run(*arguments: str) -> np.ndarray:
        out = tmp_path / "curves.png"
        monkeypatch.setattr(sys, "argv", ["x", *arguments, "--out", str(out)])
        tool.main()
        return np.asarray(Image.open(out).convert("RGB"))

    return run


def test_scores_of_several_runs(draw, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    points = [[100, 0.1, 0.9, 1.0], [200, 0.4, 0.6, 0.5]]
    for number, found in ((100, points[:1]), (200, points)):
        content = {"score_curve": {"points": found}, "more": Path("x")}
        torch.save(content, work / f"iter_{number}.pth")
    with pytest.raises(CheckpointError, match="--trust-checkpoint"):
        draw("scores", f"with={work}")
    draw = functools.partial(draw, "--trust-checkpoint")
    one = draw("scores", f"with={work}")
    both = draw("scores", f"with={work}", f"without={work / 'iter_100.pth'}")
    assert both.shape[1] == 2 * one.shape[1]
    assert np.array_equal(both[:, : one.shape[1]], one)
    assert not np.array_equal(both[:, one.shape[1] :], one)


def test_roc_of_several_classifiers(draw, tmp_path):
    metric = MultiLabelMetric(out_dir=str(tmp_path), folds=0)
    metric.dataset_meta = {"classes": ("cat", "dog")}
    rng = np.random.default_rng(0)
    pairs = [(rng.random(2), np.array([i % 2, 1 - i % 2])) for i in range(8)]
    metric.compute_metrics(pairs)
    path = tmp_path / "roc.json"
    one = draw("roc", f"MLMT={path}")
    both = draw("roc", f"MLMT={path}", f"CNN={path}")
    assert one.shape == both.shape
    assert not np.array_equal(one, both)


def test_mistakes_are_named(draw, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    torch.save({"score_curve": {"points": []}}, tmp_path / "iter_1.pth")
    for kind, run, message in (
        ("scores", "with", "give TITLE=PATH"),
        ("scores", f"a={tmp_path / 'absent'}", "no checkpoint in"),
        ("scores", f"a={tmp_path}", "has no scores: train with a ScoreCurveHook"),
        ("roc", f"a={tmp_path / 'x.json'}", "is no roc.json"),
    ):
        with pytest.raises(ConfigError, match=message):
            draw(kind, run)
