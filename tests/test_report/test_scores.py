"""Tables of scores: right figures in the right cells."""

from __future__ import annotations

import re

from mmseg_semisup.report.contents import read_contents
from mmseg_semisup.report.scores import (
    class_table,
    compare_classes,
    confusion_table,
    difference,
    label_quality,
)


def rows(page: str) -> list[list[str]]:
    """Texts of the cells of all rows."""
    found = re.findall(r"<tr>(.*?)</tr>", page)
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in found)
    return [[re.sub("<[^>]*>", "", cell) for cell in row] for row in cells]


def test_classes_have_their_iou_gain_and_confusion(make_run):
    run = read_contents(make_run("a", last=60.0))
    base = read_contents(make_run("b", last=58.0))
    assert rows(class_table(run, base)) == [
        ["class", "IoU", "", "b", "gain", "pixels", "most often taken for"],
        ["ground", "60.0", "", "58.0", "+2.0", "33.3 %", "cat, 5 % of its pixels"],
        ["cat", "65.0", "", "63.0", "+2.0", "33.3 %", "ground, 10 % of its pixels"],
        ["dog", "70.0", "", "68.0", "+2.0", "33.3 %", "cat, 50 % of its pixels"],
        ["mean", "60.0", "", "58.0", "+2.0", "", ""],
    ]


def test_the_best_of_several_is_bold(make_run):
    runs = [read_contents(make_run("a")), read_contents(make_run("b", last=50.0))]
    page = compare_classes(runs)
    assert rows(page)[1] == ["ground", "60.0", "50.0"]
    assert page.count("<b>") == 5


def test_confusions_are_percent_of_the_true_class(make_run):
    run = read_contents(make_run())
    assert rows(confusion_table(run)) == [
        ["", "0", "1", "2"],
        ["0 ground", "90", "5", "5"],
        ["1 cat", "10", "80", "10"],
        ["2 dog", "", "50", "50"],
    ]


def test_the_confidence_is_measured_against_the_truth(make_run):
    run = read_contents(make_run(right=1.0, images=3))
    page = label_quality(run)
    # Every pixel is right, with a confidence of 0.97.
    assert ["0.95", "100.0", "100.0"] in rows(page)
    assert ["0.99", "0.0", ""] in rows(page)
    run = read_contents(make_run("none", images=0))
    assert label_quality(run) is None


def test_gains_are_coloured_by_their_sign():
    assert difference(50.0, 48.0) == '<span class="good">+2.0</span>'
    assert difference(48.0, 50.0) == '<span class="bad">\N{MINUS SIGN}2.0</span>'
    assert difference(48.0, 48.01) == "<span>\N{MINUS SIGN}0.0</span>"
    assert difference(None, 1.0) == ""
