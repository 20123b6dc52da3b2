"""Curves of several runs in one picture."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.evaluation import MultiLabelMetric
from mmseg_semisup.visualization.training_curves import _last_classes, read_scalars

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


def log(work: Path, run: str, *entries: dict) -> Path:
    """Add the scalars of a run to a work-dir, as mmengine writes them."""
    path = work / run / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return work


def test_figures_of_a_resumed_training(tmp_path):
    first = [{"loss": 3.0, "iter": 5, "step": 5}, {"loss": 2.0, "iter": 9, "step": 9}]
    second = [{"loss": 1.0, "iter": 9, "step": 9}, {"mIoU": 40.0, "step": 10}]
    work = log(log(tmp_path, "20260101", *first), "20260102", *second)
    found = read_scalars(work)
    assert list(found) == [5, 9, 10]
    assert found[9]["loss"] == 1.0
    assert found[10] == {"mIoU": 40.0}


def test_losses_and_scores_of_trainings(draw, tmp_path):
    for name, score in (("one", 40.0), ("two", 55.0)):
        scores = {"student/mIoU": score, "teacher/mIoU": score + 1, "step": 10}
        classes = {f"{n}/IoU/{c}": score for n in ("student", "teacher") for c in "ab"}
        entries = {"loss": 2.0, "iter": 5, "step": 5}, {**scores, **classes}
        log(tmp_path / name, "20260101", *entries)
    runs = [f"{name}={tmp_path / name}" for name in ("one", "two")]
    one, both = draw("training", runs[0]), draw("training", *runs)
    assert one.shape == both.shape
    blue, orange = [31, 119, 180], [255, 127, 14]
    assert (one == blue).all(-1).any()
    assert not (one == orange).all(-1).any()
    assert (both == orange).all(-1).any()
    bars = draw("classes", *runs)
    # The bars of the second training are longer.
    lengths = [int((bars == color).all(-1).sum()) for color in (blue, orange)]
    assert lengths[1] > 1.2 * lengths[0]


def test_classes_of_the_better_network_are_drawn():
    values = {"student/mIoU": 40, "teacher/mIoU": 50}
    values |= {"student/IoU/a": 1.0, "teacher/IoU/a": 2.0, "teacher/IoU/b/c": 3.0}
    assert _last_classes("x", {10: values, 20: {"loss": 1.0}}) == {"a": 2.0, "b/c": 3.0}


def test_mistakes_are_named(draw, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    torch.save({"score_curve": {"points": []}}, tmp_path / "iter_1.pth")
    bare = log(tmp_path / "bare", "run", {"mIoU": 1.0})
    for kind, run, message in (
        ("scores", "with", "give TITLE=PATH"),
        ("scores", f"a={tmp_path / 'absent'}", "no checkpoint in"),
        ("scores", f"a={tmp_path}", "has no scores: train with a ScoreCurveHook"),
        ("roc", f"a={tmp_path / 'x.json'}", "is no roc.json"),
        ("training", f"a={tmp_path}", "no figures in"),
        ("classes", f"a={bare}", "no IoU of classes"),
    ):
        with pytest.raises(ConfigError, match=message):
            draw(kind, run)
