"""Warnings of a log: whole, once, and no more than a page can show."""

from __future__ import annotations

from mmseg_semisup.report import warnings
from mmseg_semisup.report.warnings import read_warnings

HEAD = "2026/11/27 04:00:00 - mmengine -"


def write(folder, name: str, *lines: str) -> None:
    path = folder / name / f"{name}.log"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def test_warnings_are_whole_and_counted(tmp_path):
    write(tmp_path, "1", f"{HEAD} WARNING - of an earlier training")
    write(
        tmp_path,
        "2",
        "2026/11/27 04:00:00 - mmengine - INFO - text",
        "WARNING - no head of a line",
        f"{HEAD} WARNING - one",
        "  goes on",
        f"{HEAD} INFO - two",
        "  is none",
        f"{HEAD} ERROR - <b>",
        "Name of parameter - Initialization information",
        "backbone.weight: random",
        f"{HEAD} WARNING - The prefix is not set in metric class IoUMetric.",
        f"{HEAD} WARNING - one",
        "  goes on",
    )
    assert read_warnings(tmp_path, "2") == {"one\n  goes on": 2, "<b>": 1}
    assert len(read_warnings(tmp_path)) == 3


def test_many_and_long_warnings_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(warnings, "MOST", 3)
    write(tmp_path, "1", *(f"{HEAD} WARNING - {i} {'x' * 9999}" for i in range(9)))
    found = read_warnings(tmp_path)
    assert len(found) == 3
    assert all(len(text) == warnings.LONGEST for text in found)


def test_a_log_that_is_no_text_is_read(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "a.log").write_bytes(b"\xff\x00" + f"\n{HEAD} ERROR - x".encode())
    (tmp_path / "1" / "b.log").mkdir()
    assert read_warnings(tmp_path) == {"x": 1}
