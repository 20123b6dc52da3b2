"""Pages: strict HTML, all there is to show, and nothing that a name could break."""

from __future__ import annotations

import math
import re

import pytest
from reported_runs import CLASSES, curve
from strict_html import StrictPage

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.report import pictures
from mmseg_semisup.report.contents import read_contents
from mmseg_semisup.report.page import (
    comparison_page,
    read_several,
    training_page,
    write_report,
)
from mmseg_semisup.report.pictures import choose

from .test_markup import ODD

DATA = {
    "sources": {
        "labeled": {"images": 16, "per_step": 4.0, "sizes": "24x32"},
        "unlabeled": {"images": 90, "per_step": None, "sizes": ""},
    },
    "validated": 6,
    "masks": 16,
    "masks_read": 16,
    "classes": [{"name": "cat", "images": 3, "share": 0.25}],
    "warnings": ["a source is empty"],
}
SECTIONS = [
    *("curves", "classes", "confusion", "images", "labels", "data", "training"),
    *("warnings", "origin"),
]


def test_a_page_has_all_sections(make_run):
    run = read_contents(make_run(data=DATA, warnings=["look out"]))
    content = training_page(run)
    page = StrictPage(content)
    assert page.ids == SECTIONS
    text = page.texts
    assert "learned with the method cutmix from 16 images with masks" in text
    assert "60.0" in text.partition("Curves")[0]
    assert "look out" in text
    assert "python tools/train.py config.py" in text
    assert "abc1234" in text
    assert "a source is empty" in text
    assert "80.0" not in text.partition("Classes")[0]
    assert "consistency.selected" in text
    assert len(content) < 2_000_000
    assert content.count(b"<polyline") >= 5


def test_numbers_and_gain_come_first(make_run):
    run = read_contents(make_run("a", last=60.0, right=0.9, images=20))
    base = read_contents(make_run("b", last=55.5, right=0.6, images=20))
    page = StrictPage(training_page(run, base))
    first = page.texts.partition("Curves")[0]
    assert "gain over b+4.5" in first
    assert "among the greatest gains" in page.texts
    assert "+4.5" in page.texts.split("Classes")[2].partition("Confusions")[0]
    shown = choose(run, [base])
    assert all(one.others["b"].path == one.scene.path for one in shown)
    gains = {
        one.scene.path: one.scene.score - base_score(base, one.scene.path)
        for one in choose(run, [base])
    }
    most = max(s.score - base_score(base, s.path) for s in run.validation.scenes)
    assert max(gains.values()) == most


def base_score(run, path) -> float:
    return next(s.score for s in run.validation.scenes if s.path == path)


@pytest.mark.parametrize("odd", ODD)
def test_names_break_no_page(make_run, odd):
    name = odd.replace("/", "_").replace("\x00", "_")
    classes = ["ground", odd, "dog"]
    lines = [{**one, f"{odd}.loss": 1.0, f"IoU/{odd}": 5.0} for one in curve(50.0)]
    folder = make_run(
        f"run {name}",
        classes=classes,
        lines=lines,
        topics={"model": odd},
        warnings=[odd.replace("\n", " ")],
        method=odd,
        images=2,
    )
    (folder / "config.py").write_text(odd, "utf-8", "replace")
    page = StrictPage(write_report(folder).read_bytes())
    base = read_contents(make_run("b", classes=classes, images=0))
    page = StrictPage(training_page(read_contents(folder), base))
    assert "b" in page.texts
    assert set(page.tags) >= {"svg", "table", "details"}


def test_what_is_missing_is_left_out(make_run):
    folder = make_run(lines=[], images=0, topics={}, iteration=0, finished=False)
    page = StrictPage(write_report(folder).read_bytes())
    assert page.ids == ["origin"]
    assert "not validated" in page.texts
    assert "Not finished: 0 of 40 iterations" in page.texts


def test_a_classifier_has_its_own_score_first(make_run):
    lines = [
        {"loss": 1.0, "classifier.loss": 1.0, "iter": 10},
        {"student/mAP": 71.25, "student/AUC": 80.0, "student/AP/cat": 1.0, "step": 10},
    ]
    folder = make_run(lines=lines, images=0)
    page = StrictPage(training_page(read_contents(folder)))
    assert "student/mAP71.2" in page.texts.partition("Curves")[0]
    assert "Further scores of the validation, percent" in page.texts
    assert "AP/cat" not in page.texts


def test_nan_is_told_at_the_top(make_run):
    lines = [*curve(50.0), {"loss": math.nan, "labeled.loss_ce": math.nan, "iter": 50}]
    page = StrictPage(training_page(read_contents(make_run(lines=lines))))
    first = page.texts.partition("Curves")[0]
    assert "Not a finite number: loss from iteration 50, labeled.loss_ce" in first


def test_images_that_are_gone_are_told(make_run, tmp_path):
    folder = make_run()
    for path in (tmp_path / "photos").iterdir():
        path.unlink()
    page = StrictPage(training_page(read_contents(folder)))
    assert page.texts.count("The image can no longer be read.") == 6
    assert "img" in page.tags


def test_many_classes_have_a_list_of_confusions(make_run, monkeypatch):
    monkeypatch.setattr("mmseg_semisup.report.scores.MATRIX", 2)
    page = StrictPage(training_page(read_contents(make_run())))
    assert "dogcat50.0" in page.texts


def test_the_file_is_bounded(make_run, monkeypatch):
    monkeypatch.setattr(pictures, "SIDE", 16)
    big = training_page(read_contents(make_run(images=40)))
    assert len(re.findall(b"among the (?:best|worst)", big)) == 6


def test_trainings_are_compared(make_run):
    folders = [make_run("a/run", 60.0), make_run("b/run", 50.0), make_run("c/run", 55)]
    runs = read_several(folders)
    page = StrictPage(comparison_page(runs, runs[1]))
    assert page.ids == ["curves", "classes", "images", "trainings"]
    first = page.texts.partition("Curves")[0]
    assert re.search(r"a/run60\.0\+10\.0.*b/run50\.0baseline.*c/run55\.0\+5\.0", first)
    # A training that is named twice is read once.
    again = read_several([*folders, folders[0].parent / "." / "run"])
    assert again[0] is again[3]
    assert [run.title for run in again[:3]] == ["a/run", "b/run", "c/run"]
    alone = StrictPage(comparison_page(runs[:2]))
    assert "mIoU, lastbest" in alone.texts
    apart = comparison_page([runs[0], runs[2]], runs[1])
    assert "b/run50.0baseline" in StrictPage(apart).texts


def test_other_classes_are_refused(make_run):
    runs = read_several([make_run("a"), make_run("b", classes=CLASSES[:2])])
    with pytest.raises(ConfigError, match="--baseline .*b: its classes are not those"):
        training_page(*runs)
    with pytest.raises(ConfigError, match="the training .*b: its classes"):
        comparison_page(runs)
    with pytest.raises(ConfigError, match="--baseline"):
        comparison_page([runs[0], runs[0]], runs[1])
