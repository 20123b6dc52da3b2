from __future__ import annotations

import time

import torch

from mmseg_semisup.datasets.checks.classes import ClassCount
from mmseg_semisup.datasets.checks.images import SizeCount
from mmseg_semisup.dry_run.report import WIDTH, Report
from mmseg_semisup.dry_run.step import Taken
from mmseg_semisup.dry_run.survey import Survey


def report(**changes):
    classes = ClassCount(("a", "b"), total=9, read=9)
    classes.images[0] = 9
    sizes = {"labeled": SizeCount([(20, 30), (40, 30)]), "unlabeled": SizeCount()}
    found = Survey({"labeled": 9, "unlabeled": 99}, sizes, classes, validated=4)
    found.warnings.append("something " * 30)
    losses = {"loss": 1.5, "mine.loss": 0.25, "mine.selected": 0.5, "mine.loss_weak": 2}
    sizes = {"labeled": (2, 16, 24), "weak": (2, 16, 16)}
    values = {
        "title": "Dry run of this",
        "survey": found,
        "views": {"labeled": "labeled", "weak": "unlabeled", "strong": "unlabeled"},
        "readers": {"labeled": ["the supervised loss"], "weak": ["objectives.mine"]},
        "per_step": {"labeled": 2, "unlabeled": 6},
        "taken": Taken(losses, sizes, 0.5, 2000.0, torch.device("cpu")),
        "starts": {"mine": "at 5000", "mine.weak": "at 9"},
        "loading": 0.2,
        "iterations": 7200,
        "done": 0,
        "resume": "nothing",
        "picture": "first_batch.png",
    }
    return Report(**{**values, **changes})


def line_with(text, found):
    return next(line for line in found.splitlines() if text in line)


def test_one_screen_says_all():
    text = report().text()
    lines = text.splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= WIDTH
    assert line_with("labeled  ", text).split() == [
        *("labeled", "9", "2", "20x30", "to", "40x30")
    ]
    assert "weak 16x16, read by objectives.mine" in text
    assert "strong, read by nobody" in text
    assert line_with("mine.loss", text).split() == [
        *("mine.loss", "0.25", "counts", "at", "5000")
    ]
    assert line_with("mine.loss_weak", text).endswith("counts at 9")
    assert line_with("mine.selected", text).endswith("0.5")
    assert "1 of 2 seen in 9 of 9 masks; never: b" in text
    assert "2.00 GB more than before the step" in text
    assert "warning: something" in text
    assert "(validation)         4" in text


def test_notes_of_the_composition_are_on_the_screen():
    text = report(notes=["crops of 518x518 pixels", "another"]).text()
    assert "  note     crops of 518x518 pixels\n  note     another\n" in text


def test_the_end_of_the_training():
    now = time.time()
    text = " ".join(report().text().split())
    # 0.7 s a step, as the training's own process loads.
    assert (
        "0.5 s a step, 0.2 s to load its images; 7200 iterations: about 84 min" in text
    )
    days = {time.strftime("%a %d %b", time.localtime(now + s)) for s in (5030, 5050)}
    assert any(day in text for day in days)


def test_workers_load_beside_the_step():
    text = " ".join(report(workers=4, done=3600).text().split())
    assert "(by 4 workers: 0.05 s); 3600 iterations: about 30 min" in text
    slow = " ".join(report(workers=4, loading=8.0).text().split())
    assert "7200 iterations: about 4.0 h" in slow


def test_without_a_step_only_the_data():
    text = report(taken=None, readers=None).text()
    assert "losses" not in text
    assert "memory" not in text
    assert "iterations" not in text
    assert "strong" in text


def test_losses_that_are_not_finite():
    losses = {"a.loss": float("nan"), "b.loss": float("inf"), "c.acc": float("nan")}
    taken = Taken({**losses, "d.loss": 1.0}, {}, 0.1, 1.0, torch.device("cpu"))
    assert taken.not_finite == ["a.loss is nan", "b.loss is inf"]
