"""The tool makes a report again, or compares several trainings."""

from __future__ import annotations

import pytest
from reported_runs import run_writer
from strict_html import StrictPage

from mmseg_semisup.report.facts import FILE


@pytest.fixture
def make_run(tmp_path):
    return run_writer(tmp_path)


def test_a_report_is_made_again(run_tool, make_run, capsys):
    folder = make_run()
    run_tool("report.py", folder)
    page = StrictPage((folder / "report.html").read_bytes())
    assert "60.0" in page.texts
    assert f"wrote {folder / 'report.html'}, 0." in capsys.readouterr().out


def test_with_a_baseline_its_gain_comes_first(run_tool, make_run, tmp_path):
    out = tmp_path / "out.html"
    run, base = make_run("a"), make_run("b", last=58.5)
    (base / FILE).unlink()
    run_tool("report.py", run, "--baseline", base, "--out", out)
    assert "gain over b+1.5" in StrictPage(out.read_bytes()).texts
    assert not (run / "report.html").exists()


def test_a_baseline_stays_until_it_is_taken_back(run_tool, make_run):
    run, base = make_run("a"), make_run("b", last=58.5)
    texts = []
    for options in (["--baseline", base], [], ["--no-baseline"], []):
        run_tool("report.py", run, *options)
        texts.append(StrictPage((run / "report.html").read_bytes()).texts)
    assert ["gain over b+1.5" in each for each in texts] == [True, True, False, False]
    with pytest.raises(SystemExit):
        run_tool("report.py", run, "--baseline", base, "--no-baseline")


def test_several_are_compared(run_tool, make_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_tool("report.py", make_run("a"), make_run("b", last=50.0))
    page = StrictPage((tmp_path / "report.html").read_bytes())
    assert "a against b" in page.texts


def test_other_classes_are_refused_in_one_line(run_tool, make_run, capsys):
    base = make_run("b", classes=["x", "y", "z"])
    with pytest.raises(SystemExit) as error:
        run_tool("report.py", make_run("a"), "--baseline", base)
    message = f"{error.value}{capsys.readouterr().err}"
    assert "its classes are not those of" in message
    assert "0: 'ground' instead of 'x'" in message


def test_a_folder_without_a_training_is_refused(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="holds no training"):
        run_tool("report.py", tmp_path)
