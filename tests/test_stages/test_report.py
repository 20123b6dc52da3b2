"""One page of all stages, whatever they have written so far."""

from __future__ import annotations

import json

import pytest
from reported_runs import run_writer
from strict_html import StrictPage

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.report.baseline import FILE as BASELINE
from mmseg_semisup.report.baseline import remember_baseline
from mmseg_semisup.report.page import REPORT
from mmseg_semisup.stages.record import FILE, VERSION
from mmseg_semisup.stages.report import (
    stages_page,
    training_folder,
    write_stages_report,
)

QUALITY = {
    "images": 90,
    "images_with_truth": 0,
    "mean_confidence": 91.0,
    "mIoU": 54.3,
    "accuracy": 88.0,
    "thresholds": [0.9],
    "kept": [70.0],
}


@pytest.fixture
def work(tmp_path):
    """A work-dir of three stages: trained, begun with pseudo-masks, and tested."""
    folder = tmp_path / "work"
    make = run_writer(folder)
    make("first", 40.0, images=4)
    second = make("<b>second", 45.0, images=0, finished=False, iteration=20)
    (second / "pseudo_masks").mkdir()
    quality = json.dumps({"unlabeled": QUALITY})
    (second / "pseudo_masks" / "quality.json").write_text(quality)
    (folder / "test").mkdir()
    (folder / "test" / "metrics.json").write_text('{"mIoU": 47.123, "IoU/cat": 1.0}')
    stages = {
        "first": {
            "config": {},
            "finished": True,
            "checkpoints": {"last": "iter_40.pth"},
            "hashes": {"last": "0"},
        },
        "<b>second": {"config": {}},
        "test": {"config": {}},
    }
    content = json.dumps({"version": VERSION, "stages": stages})
    (folder / FILE).write_text(content)
    return folder


def test_all_stages_are_on_one_page(work):
    write_stages_report(work)
    page = StrictPage((work / REPORT).read_bytes())
    assert [place for place in page.ids if place.count("-") < 2] == [
        *("stages", "stage-1", "stage-2", "stage-3")
    ]
    assert "stage-1-images" in page.ids
    assert "stage-2-labels" in page.ids
    assert "firstfinished4040.040.0" in page.texts
    assert "<b>secondnot finished4045.045.090unlabeled 54.3" in page.texts
    assert "mIoU47.12" in page.texts
    assert "IoU/cat" not in page.texts
    assert "b" in page.tags
    assert "45.0" in page.texts.partition("stagesStages")[0]


def test_the_last_stage_is_compared(work, tmp_path):
    base = run_writer(tmp_path)("base", 41.0, images=0)
    assert "gain over base+4.0" in StrictPage(stages_page(work, base)).texts
    assert training_folder(work).name == "<b>second"
    assert training_folder(base) == base
    other = run_writer(tmp_path)("other", classes=["x", "y"], images=0)
    with pytest.raises(ConfigError, match="its classes are not those"):
        stages_page(work, other)


def test_a_baseline_that_is_noted_is_compared_with(work, tmp_path):
    remember_baseline(work, run_writer(tmp_path)("base", 41.0, images=0))
    write_stages_report(work)
    assert "gain over base+4.0" in StrictPage((work / REPORT).read_bytes()).texts
    (work / BASELINE).write_text("[]")
    write_stages_report(work)
    assert "Without its baseline: " in StrictPage((work / REPORT).read_bytes()).texts


def test_stages_that_have_only_begun_have_a_page(work):
    for name in ("first", "<b>second"):
        for file in (work / name).rglob("*.json"):
            file.unlink()
    (work / "test" / "metrics.json").write_text("[]")
    page = StrictPage(stages_page(work))
    assert page.texts.count("Nothing has been logged yet.") == 2
    assert "is no record of metrics" in page.texts
    assert training_folder(work) == work
