"""The tool that compares methods over seeds."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest
from processes import environment, fork, wait
from tiny_study import stub_command, study_writer

from mmseg_semisup.engine.preemption import REQUEUE_CODE


@pytest.fixture
def write_study(tmp_path, monkeypatch):
    """Writes a tiny study."""
    monkeypatch.chdir(tmp_path)
    return study_writer(tmp_path)


@pytest.fixture
def stubbed(monkeypatch):
    """The stub in place of every training."""
    monkeypatch.setattr("mmseg_semisup.study.training.train_command", stub_command)
    monkeypatch.setattr("mmseg_semisup.study.schedule.INTERVAL_S", 0.01)


@pytest.mark.slow
def test_a_study_trains_reports_and_writes_documents(
    write_study, run_tool, monkeypatch, tmp_path, capsys
):
    """Real trainings of four steps, of a baseline and a method with a teacher."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    study = write_study(seeds=[0], selection=True)
    (tmp_path / "README.md").write_text(
        "# A\n\n<!-- study: tiny -->\n<!-- /study -->\n"
    )
    run_tool("study.py", study, "--jobs", "1")
    text = capsys.readouterr().out
    assert re.search(r"\| `cutmix` \| 2 \| \*\*[\d.]+\*\* \([\d.]+\) \|", text), text
    folder = tmp_path / "work_dirs" / "studies" / "tiny"
    (base, cutmix) = json.loads((folder / "results.json").read_text())["cells"]
    assert set(base["networks"]) == {"student"}
    assert set(cutmix["networks"]) == {"teacher", "student"}
    assert cutmix["predicts"] == "teacher"
    assert set(base["networks"]["student"]["classes"]) <= {"background", "object"}
    assert (base["iterations"], base["masks"]) == (4, 2)
    assert base["seconds"] > 0
    assert "selection" not in base
    assert cutmix["selection"]["images_with_truth"] == 4
    assert len(cutmix["selection"]["kept"]) == len(cutmix["selection"]["thresholds"])
    assert "| selected |" in text
    first = [
        first_loss(folder / "cells" / f"{n}_m2_seed0") for n in ("supervised", "cutmix")
    ]
    assert first[0] == first[1]
    run_tool("study.py", study, "--report")
    assert "| `cutmix` | 2 |" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "docs" / "records" / "tiny.json").is_file()


def first_loss(folder) -> float:
    """Loss of the labelled images in the first step."""
    (file,) = folder.glob("*/vis_data/scalars.json")
    entry = json.loads(file.read_text().splitlines()[0])
    (loss,) = (v for k, v in entry.items() if k.endswith("decode.loss_ce"))
    return loss


def test_a_failure_ends_with_code_1_after_the_others(
    write_study, stubbed, run_tool, tmp_path, capsys
):
    write_study(seeds=[0])
    bad = tmp_path / "bad.py"
    bad.write_text("_base_ = ['plain.py']\nmethod = 'supervised'\nfails = 3\n")
    methods = ["supervised", dict(name="bad", config="bad.py"), "cutmix"]
    study = write_study(methods=methods, seeds=[0])
    with pytest.raises(SystemExit) as stop:
        run_tool("study.py", study, "--jobs", "1")
    assert re.fullmatch(
        "error: cell bad_m2_seed0 ended with code 3: error: it went wrong .*"
        "The same command tries them again",
        str(stop.value),
    )
    text = capsys.readouterr().out
    assert "cutmix_m2_seed0 is finished" in text
    assert "| `cutmix` | 2 |" in text
    with pytest.raises(SystemExit, match="bad_m2_seed0"):
        run_tool("study.py", study, "--jobs", "1")
    assert "cutmix_m2_seed0 begins" not in capsys.readouterr().out
    run_tool("study.py", study, "--list")
    listed = capsys.readouterr().out.splitlines()
    assert listed[0] == "supervised_m2_seed0: finished"
    assert listed[1] == "bad_m2_seed0: waiting"


def test_a_signal_stops_the_trainings_and_asks_for_a_restart(
    write_study, stubbed, run_tool, tmp_path
):
    slow = tmp_path / "slow.py"
    slow.write_text("_base_ = ['plain.py']\nmethod = 'supervised'\nwaits = 0.3\n")
    methods = [dict(name="slow", config="slow.py")]
    given = dict(methods=methods, baseline="slow", iterations=40, seeds=[0])
    study = write_study(**given)
    child = fork(lambda: run_tool("study.py", study))
    cell = tmp_path / "work_dirs/studies/tiny/cells/slow_m2_seed0"
    until = time.monotonic() + 60
    while not (cell / "saved.txt").is_file() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(child, signal.SIGTERM)
    assert wait(child) == REQUEUE_CODE
    done = int((cell / "saved.txt").read_text())
    assert 0 < done < 40
    attempts = json.loads(cell.with_suffix(".json").read_text())["attempts"]
    assert [attempt["code"] for attempt in attempts] == [REQUEUE_CODE]
    write_study(**given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "cutmix_m2_seed9"], "no cell 'cutmix_m2_seed9'; did you mean"),
        (["--report"], "study tiny: no cell is finished: there is neither"),
        (["--slurm", "debug"], "there is no sbatch"),
    ],
)
def test_mistakes_are_named(
    write_study, stubbed, run_tool, monkeypatch, arguments, message
):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match=message) as stop:
        run_tool("study.py", write_study(), *arguments)
    assert "\n" not in str(stop.value)


def test_links_out_of_the_folder_are_refused(write_study, stubbed, run_tool, tmp_path):
    study, folder, other = write_study(), tmp_path / "work", tmp_path / "other"
    for name in ("cells", "cells/cutmix_m2_seed0"):
        other.mkdir()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(other)
        with pytest.raises(SystemExit, match=f"{name} is a link to .*outside"):
            run_tool("study.py", study, "--work-dir", folder)
        assert not list(other.iterdir())
        (folder / name).unlink()
        other.rmdir()


def test_the_number_of_jobs_is_checked(write_study, run_tool, capsys):
    with pytest.raises(SystemExit):
        run_tool("study.py", write_study(), "--jobs", "0")
    assert "--jobs 0: must be at least 1" in capsys.readouterr().err
