"""The report of a study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from strict_html import StrictPage
from study_records import record

from mmseg_semisup.study.report import study_page

RECORDS = sorted(Path("docs", "records").resolve().glob("*.json"))
SELECTION = {
    "thresholds": [0.5, 0.95],
    "kept": [80.0, 60.0],
    "accuracy_of_kept": [90.0, None],
}


def test_a_study_has_a_page(tmp_path):
    study = record(notes=["<cutmix> differs"], missing=["a & b"])
    for cell in study["cells"]:
        cell["selection"] = SELECTION
        cell["networks"][cell["predicts"]]["curve"] = {"500": 30.0, "2000": 40.0}
    own = tmp_path / "cells" / "cutmix_m5_seed0"
    own.mkdir(parents=True)
    (own / "report.html").touch()
    page = StrictPage(study_page(study, b"PNG", tmp_path))
    assert page.ids == [
        *("results", "gains", "curves", "classes", "selection", "trainings"),
        "origin",
    ]
    text = page.texts
    assert "cutmix, 5 masks: gain+4.0 ± 1.0" in text.partition("Results")[0]
    assert "Not finished: a & b." in text
    assert "<cutmix> differs." in text
    assert "**" not in text
    assert "python tools/study.py tiny.py" in text
    assert page.tags.count("a") == len(page.ids) + 1


@pytest.mark.parametrize("path", RECORDS[:2], ids=lambda path: path.stem)
def test_the_kept_records_have_pages(path, tmp_path):
    page = StrictPage(study_page(json.loads(path.read_text()), b"", tmp_path))
    assert "Curves" in page.texts
