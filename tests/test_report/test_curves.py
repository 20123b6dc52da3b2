"""Which figures of a log are drawn, and where."""

from __future__ import annotations

import math
import re

from reported_runs import curve

from mmseg_semisup.report.contents import read_contents
from mmseg_semisup.report.curves import compare_curves, draw_curves, not_finite


def titles(page: str) -> dict[str, list[str]]:
    """Title of each chart to the names of its curves."""
    return {
        title: re.findall(r"</i>([^<]*?) ?(?:<b>|</li>)", rest)
        for title, rest in re.findall(
            r"<figcaption>(.*?)</figcaption>.*?(<ul.*?)</figure>", page
        )
    }


def test_figures_are_grouped_by_what_they_are(make_run):
    more = {
        "adversarial.loss_unlabeled": 0.1,
        "adversarial.discriminator.loss": 0.2,
        "adversarial.discriminator.fake": 0.4,
        "adversarial.discriminator.real": 0.6,
        "unlabeled.top_class": 0.9,
        "labeled.acc_seg": 80.0,
        "segmentor.lr/backbone": 0.1,
        "data_time": 0.1,
    }
    checks = {
        "teacher/consistency/precision": 95.0,
        "teacher/consistency/kept": 40.0,
        "teacher/consistency/precision/cat": 90.0,
    }
    lines = [{**one, **(more if "loss" in one else checks)} for one in curve(50.0)]
    run = read_contents(make_run(lines=lines))
    assert titles(draw_curves(run)) == {
        "mIoU of the validation, percent": ["student"],
        "Sum of the losses": ["sum"],
        "Losses of labeled": ["loss_ce"],
        "Losses of consistency": ["loss"],
        "Losses of adversarial": ["loss_unlabeled", "discriminator.loss"],
        "Pixels, as a share": ["consistency.selected", "unlabeled.top_class"],
        "Labels above the threshold, of validation images, percent": [
            "teacher/consistency/precision",
            "teacher/consistency/kept",
        ],
        "Scores of the discriminator": [
            "adversarial.discriminator.fake",
            "adversarial.discriminator.real",
        ],
        "Learning rate": ["lr", "segmentor.lr/backbone"],
        "labeled.acc_seg": ["labeled.acc_seg"],
        "Further scores of the validation, percent": ["aAcc"],
    }


def test_trainings_are_drawn_over_each_other(make_run):
    two = [*curve(50.0, network="student/"), *curve(40.0, network="teacher/")]
    runs = [
        read_contents(make_run("a")),
        read_contents(make_run("b", network="student/", lines=two)),
    ]
    assert titles(compare_curves(runs)) == {
        "mIoU of the validation, percent": ["a", "b student", "b teacher"],
        "Sum of the losses": ["a", "b"],
    }


def test_losses_that_are_no_number_are_named_once():
    points = {
        10: {"loss": 1.0, "grad_norm": math.inf},
        20: {"loss": math.nan, "a.loss_b": math.inf, "IoU/cat": math.nan},
        30: {"loss": math.nan},
    }
    assert not_finite(points) == {"loss": 20, "a.loss_b": 20}
