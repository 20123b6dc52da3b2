"""One command for a segmentor, a classifier, and the evaluation of both."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from processes import ROOT, in_two_processes
from tiny_training import weights

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core.checkpoint import use_safe_checkpoints
from mmseg_semisup.demo import dataset
from mmseg_semisup.engine.progress_log import is_class_score
from mmseg_semisup.evaluation import FusionTestLoop
from mmseg_semisup.models import SemiSegmentor
from mmseg_semisup.models.classifiers import MultiLabelMeanTeacher
from mmseg_semisup.stages import Record, train_stages

CONFIG = ROOT / "configs/demo/s4gan_mlmt.py"
OPTIONS = {
    "train_cfg.max_iters": 4,
    "train_cfg.val_interval": 4,
    "default_hooks.checkpoint.interval": 2,
    "train_dataloader.batch_size": 4,
    "val_dataloader.batch_size": 2,
    "test_dataloader.batch_size": 2,
    "log_level": "ERROR",
    "custom_hooks": [dict(type="TeacherUpdateHook")],
    "visualizer": dict(type="Visualizer", vis_backends=[], name="visualizer"),
}


class StopHere(BaseException):
    """What a test raises in the midst of a run."""


def without_printing(monkeypatch) -> None:
    """Formatting a config takes longer than training, and so does a full collection."""
    monkeypatch.setattr(Config, "pretty_text", "")
    monkeypatch.setattr(Runner, "_log_env", lambda self, env_cfg: None)
    monkeypatch.setattr(gc, "collect", lambda: 0)


def run(work: Path, **changes: object) -> None:
    cfg = load_config(CONFIG, {**OPTIONS, **changes}, stages="keep")
    for stage in cfg.stages:
        if stage.name == "mlmt":
            stage.changes.model.consistency.start = 1
    cfg.work_dir = str(work)
    train_stages(cfg)


@pytest.fixture
def folder(tmp_path, monkeypatch, safe_checkpoints):
    """A folder with a few scenes where the config expects them."""
    monkeypatch.setattr(dataset, "SPLITS", {"labeled": 4, "unlabeled": 4, "val": 3})
    dataset.prepare_dataset(tmp_path / "work_dirs/demo/seed0/data", seed=0)
    monkeypatch.chdir(tmp_path)
    without_printing(monkeypatch)
    return tmp_path


def state(work: Path) -> dict[str, tuple]:
    """Files of finished stages, with their times."""
    record = work / "stages.json"
    stages = json.loads(record.read_text())["stages"] if record.is_file() else {}
    done = [name for name, stage in stages.items() if stage.get("finished")]
    paths = [path for name in done for path in (work / name).rglob("*")]
    return {str(p): (p.stat().st_ino, p.stat().st_mtime_ns) for p in paths}


PLACES = [
    (SemiSegmentor, "loss", 3),
    (MultiLabelMeanTeacher, "loss", 3),
    (Record, "finish", 1),
    (FusionTestLoop, "run_iter", 2),
    (FusionTestLoop, "_second_pass", 1),
    (Record, "finish", 1),
]
"""Where a run ends: what is called, and how often it was before."""


@pytest.mark.slow
def test_stopped_at_any_place_it_goes_on_to_the_same_end(folder, monkeypatch, capsys):
    run(folder / "whole")
    assert "fused: " in capsys.readouterr().out
    work, kept = folder / "work", {}
    for owner, name, count in PLACES:
        inner, calls = getattr(owner, name), []

        def stopping(*args, inner=inner, calls=calls, count=count, **kwargs):
            calls.append(1)
            if len(calls) == count:
                raise StopHere
            return inner(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, stopping)
            with pytest.raises(StopHere):
                run(work)
        now = state(work)
        assert kept.items() <= now.items()
        kept = now
    run(work)
    assert kept.items() <= state(work).items()
    files = {"s4gan": "iter_4.pth", "mlmt": "iter_4.pth", "fused": "model.pth"}
    for stage, file in files.items():
        first, second = (weights(folder / w / stage / file) for w in ("whole", "work"))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first), stage
    rows = [(folder / w / "fused/metrics.json").read_text() for w in ("whole", "work")]
    assert rows[0] == rows[1]
    assert "s4GAN + MLMT" in json.loads(rows[0])

    before = state(work)
    capsys.readouterr()
    run(work)
    assert "stage fused is finished" in capsys.readouterr().out
    assert state(work) == before


def run_distributed(_: int, folder: Path) -> None:
    """One of two processes that run all stages."""
    os.chdir(folder)
    use_safe_checkpoints()
    patch = pytest.MonkeyPatch()
    without_printing(patch)
    wrapper = dict(
        type="MMDistributedDataParallel", device_ids=None, broadcast_buffers=False
    )
    changes = {
        "launcher": "pytorch",
        "model_wrapper_cfg": wrapper,
        "train_cfg.max_iters": 2,
    }
    run(folder / "two", **changes)
    patch.undo()


@pytest.mark.slow
def test_two_processes_run_all_stages(folder):
    in_two_processes(run_distributed, folder)
    two = folder / "two"
    record = json.loads((two / "stages.json").read_text())["stages"]
    assert all(record[name]["finished"] for name in ("s4gan", "mlmt", "fused"))

    # The rows are those that one process finds with the same weights.
    cfg = load_config(CONFIG, OPTIONS)
    cfg.load_from, cfg.work_dir = str(two / "fused/model.pth"), str(folder / "one")
    rows = Runner.from_cfg(cfg).test()
    expected = json.loads((two / "fused/metrics.json").read_text())
    means = {k: v for k, v in expected.items() if not is_class_score(k)}
    assert rows == pytest.approx(means)
