"""A baseline that was named once stays that of the report."""

from __future__ import annotations

import shutil

import pytest
from reported_runs import run_writer
from strict_html import StrictPage

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.report.baseline import (
    FILE,
    forget_baseline,
    recall_baseline,
    remember_baseline,
)
from mmseg_semisup.report.page import write_report


@pytest.fixture
def two_runs(tmp_path):
    make = run_writer(tmp_path / "both")
    return make("run"), make("base", last=58.5)


def texts(run) -> str:
    return StrictPage(write_report(run).read_bytes()).texts


def test_it_is_remembered_until_it_is_forgotten(two_runs):
    run, base = two_runs
    assert recall_baseline(run) is None
    remember_baseline(run, base)
    assert recall_baseline(run) == base
    assert "gain over base+1.5" in texts(run)
    forget_baseline(run)
    forget_baseline(run)
    assert recall_baseline(run) is None
    assert "gain over" not in texts(run)


def test_both_may_move_together(two_runs, tmp_path):
    remember_baseline(*two_runs)
    (tmp_path / "both").rename(tmp_path / "elsewhere")
    assert "gain over base+1.5" in texts(tmp_path / "elsewhere" / "run")


def test_a_report_without_its_baseline_says_why(two_runs, tmp_path):
    run, base = two_runs
    remember_baseline(run, base)
    shutil.rmtree(base)
    said = texts(run)
    assert "Without its baseline: " in said
    assert str(base) in said
    other = run_writer(tmp_path / "others")("other", classes=["x", "y", "z"])
    remember_baseline(run, other)
    assert "0: 'ground' instead of 'x'" in texts(run)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "does not name a baseline: it is no JSON"),
        ('{"version": 2, "work_dir": "x"}', "its version is 2, and 1 is allowed"),
        ('{"version": 1}', "work_dir"),
    ],
)
def test_a_damaged_note_is_named(two_runs, content, message):
    run, _ = two_runs
    (run / FILE).write_text(content)
    with pytest.raises(ConfigError, match=message):
        recall_baseline(run)
    assert "Without its baseline: " in texts(run)
