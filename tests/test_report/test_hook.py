"""A training writes its report by itself, and never fails because of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from processes import in_two_processes
from resume_helpers import distribute
from strict_html import StrictPage
from tiny_training import CLASSES, write_adversarial

from mmseg_semisup.dry_run import train
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.report import hook
from mmseg_semisup.report.facts import read_facts
from mmseg_semisup.report.page import REPORT
from mmseg_semisup.report.validation import read_validation


@pytest.fixture
def config(tmp_path):
    """The config of a tiny training that validates twice, student and teacher."""
    cfg = Config.fromfile(write_adversarial(tmp_path))
    cfg.work_dir = str(tmp_path / "work")
    cfg.train_cfg.val_interval = 2
    cfg.val_cfg = dict(type="TeacherStudentValLoop")
    cfg.default_hooks.pop("visualization")
    return cfg


def test_a_training_writes_its_report(config, tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    (work / "report.json").write_text("damaged")
    pages = []
    write = hook.write_report
    monkeypatch.setattr(hook, "write_report", lambda f: pages.append(write(f)))
    runner = build_runner(config, strict=False)
    assert train(runner, "off")
    # At the start, at both validations and at the end.
    assert len(pages) == 4
    page = StrictPage((work / REPORT).read_bytes())
    assert {"curves", "classes", "confusion", "images", "labels"} <= set(page.ids)
    facts = read_facts(work)
    assert facts.finished
    assert (facts.iteration, facts.iterations) == (4, 4)
    assert facts.classes == list(CLASSES)
    assert facts.data["sources"]["labeled"]["images"] == 4
    assert "objectives" in facts.topics
    found = read_validation(work)
    assert found.iteration == 4
    assert [s.path.rpartition("/")[2] for s in found.scenes] == [
        f"{i}.jpg" for i in range(4)
    ]
    own = runner.model.predict_with
    metrics = [json.loads(x) for x in _scalars(work).read_text().splitlines()][-1]
    _check_confusion(found, metrics, own)
    assert metrics[f"{own}/mIoU"] == pytest.approx(
        float(np.nanmean(_ious(found.confusion))), abs=0.01
    )


def _scalars(work):
    return next(work.glob("*/vis_data/scalars.json"))


def _ious(table) -> np.ndarray:
    union = table.sum(0) + table.sum(1) - table.diagonal()
    return 100 * table.diagonal() / np.where(union, union, np.nan)


def _check_confusion(found, metrics, own) -> None:
    """Confusions give the IoU of each class that the metric has logged."""
    for name, value in zip(CLASSES, _ious(found.confusion), strict=True):
        logged = metrics[f"{own}/IoU/{name}"]
        if not np.isnan(value):
            assert logged == pytest.approx(float(value), abs=0.01)
    # The images are small, so that all of their pixels are kept.
    table = np.zeros((3, 3), np.int64)
    for scene in found.scenes:
        known = scene.truth != 255
        np.add.at(table, (scene.truth[known], scene.labels[known]), 1)
    np.testing.assert_array_equal(table, found.confusion)
    assert found.statistics(3).classes[1:].sum() == table.sum()


@pytest.mark.parametrize("kind", [RuntimeError, OSError])
def test_no_error_stops_the_training(config, monkeypatch, kind):
    tries = []

    def fail(folder):
        tries.append(folder)
        raise kind("two\nlines")

    monkeypatch.setattr(hook, "write_report", fail)
    warned = []
    runner = build_runner(config, strict=False)
    monkeypatch.setattr(runner.logger, "warning", lambda text, *_: warned.append(text))
    assert train(runner, "off")
    assert runner.iter == 4
    reason = f"{kind.__name__}: two lines"
    assert [text for text in warned if "report" in text] == [
        f"no report is written, the training goes on without: {reason}"
    ]
    # A disk may have room again.
    assert len(tries) == (4 if kind is OSError else 1)


def test_without_a_validation_there_is_a_report(config, tmp_path):
    for key in ("val_dataloader", "val_evaluator", "val_cfg"):
        config.pop(key)
    config.train_cfg.pop("val_interval")
    assert train(build_runner(config, strict=False), "off")
    page = StrictPage((tmp_path / "work" / REPORT).read_bytes())
    assert "not validated" in page.texts
    assert "images" not in page.ids


@pytest.mark.slow
def test_a_resumed_training_knows_all_of_its_starts(config, tmp_path):
    config.train_cfg.max_iters = 2
    assert train(build_runner(config, strict=False), "off")
    again = config.copy()
    again.train_cfg.max_iters = 4
    again.load_from = str(tmp_path / "work" / "iter_2.pth")
    again.resume = True
    again.experiment_name = "again"
    assert train(build_runner(again, strict=False, accept="changes"), "off")
    facts = read_facts(tmp_path / "work")
    assert [start["iteration"] for start in facts.starts] == [0, 2]
    fresh = config.copy()
    fresh.experiment_name = "fresh"
    assert train(build_runner(fresh, strict=False), "off")
    assert len(read_facts(tmp_path / "work").starts) == 1


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("cutmix", "cutmix"),
        (["fixmatch", "folder/own.py"], "fixmatch, own"),
        ({"base": "cutmix", "views": {}}, "cutmix with changes"),
        ({"objectives": {}}, ""),
        (None, ""),
    ],
)
def test_the_method_has_the_name_that_the_user_gave(source, name):
    assert hook._method(source) == name


def two_trainings(rank: int, path: str) -> list[str]:
    """What each of two processes does; returns the images that it validated."""
    cfg = distribute(Config.fromfile(path))
    cfg.work_dir = str(Path(path).parent / "work")
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.default_hooks.pop("visualization")
    runner = build_runner(cfg, strict=False)
    seen: list[str] = []
    add = hook.Gatherer.add
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            hook.Gatherer, "add", lambda *args: seen.append(args[1]) or add(*args)
        )
        assert train(runner, "off")
    return seen


@pytest.mark.slow
def test_the_images_of_all_processes_are_in_the_report(tmp_path):
    seen = in_two_processes(two_trainings, str(write_adversarial(tmp_path)))
    assert [len(of_one) for of_one in seen] == [2, 2]
    found = read_validation(tmp_path / "work")
    assert [s.path for s in found.scenes] == [*seen[0], *seen[1]]
    assert len({s.path for s in found.scenes}) == 4
    assert found.statistics(3).classes[1:].sum() == found.confusion.sum()


def test_confusions_of_all_processes_are_summed(monkeypatch):
    metric = type("Metric", (), {"dataset_meta": {"classes": ["a", "b"]}})()
    metric.confusion = torch.arange(16).view(4, 4)
    monkeypatch.setattr(hook, "get_world_size", lambda: 2)
    monkeypatch.setattr(hook, "all_reduce", lambda table, op: table.mul_(2))
    assert hook._summed(metric).tolist() == [[10, 12], [18, 20]]
    metric.confusion = None
    assert hook._summed(metric).tolist() == [[0, 0], [0, 0]]
    assert hook._summed(None) is None
