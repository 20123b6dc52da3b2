"""The folder of a study: what is trained again, what is refused, what is written."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.study.plan import read_study
from mmseg_semisup.study.results import RESULTS, make_record, read_record
from mmseg_semisup.study.run import (
    begin,
    check_changes,
    default_folder,
    finish_study,
    open_study,
    problems,
    run_study,
)
from mmseg_semisup.study.selection import (
    MASKS,
    at_threshold,
    measure,
    measure_all,
    needs_measuring,
)
from mmseg_semisup.study.training import Training


@pytest.fixture
def opened(write_study, stubbed, tmp_path):
    """Opens the tiny study, whose trainings are the stub's."""

    def open_it(**changes):
        return open_study(read_study(write_study(**changes)), tmp_path / "work")

    return open_it


def finished(study) -> list[str]:
    return [training.name for training in study.trainings if training.finished]


def test_a_study_is_trained_once(opened, monkeypatch, capsys):
    study = opened()
    run_study(study, jobs=2)
    assert finished(study) == [
        f"{method}_m2_seed{seed}"
        for seed in (0, 1)
        for method in ("supervised", "cutmix")
    ]
    capsys.readouterr()
    again = opened(seeds=[0, 1, 2])
    assert len(finished(again)) == 4
    check_changes(again, None)
    begun = []
    start = Training.start
    monkeypatch.setattr(
        Training, "start", lambda t, *slot: (begun.append(t.name), start(t, *slot))
    )
    run_study(again, jobs=1)
    assert begun == ["supervised_m2_seed2", "cutmix_m2_seed2"]


def test_results_table_and_picture_are_written(opened):
    study = opened(all_masks=True)
    run_study(study, ["supervised_m2_seed0", "cutmix_m2_seed0"], jobs=1)
    files = finish_study(study)
    names = ["results.json", "table.md", "gains.png", "report.html"]
    assert [file.name for file in files] == names
    record = read_record(study.folder / RESULTS)
    assert [cell["cell"] for cell in record["cells"]] == [
        "supervised_m2_seed0",
        "cutmix_m2_seed0",
    ]
    assert len(record["missing"]) == 4
    assert record["cells"][1]["networks"].keys() == {"teacher", "student"}
    assert record["command"].startswith("python tools/study.py ")
    page = files[1].read_text()
    assert re.search(r"\| `cutmix` \| 2 \| \*\*50.0\*\* \(55.0\) \|", page)
    assert files[2].read_bytes().startswith(b"\x89PNG")


def test_a_changed_cell_is_named_and_trained_again_only_if_told(opened):
    run_study(opened(seeds=[0]), jobs=1)
    changed = opened(seeds=[0], iterations=6)
    message = "cell supervised_m2_seed0 was finished with another config: .*max_iters"
    with pytest.raises(ConfigError, match=message) as caught:
        check_changes(changed, None)
    assert "--redo" in str(caught.value)
    with pytest.raises(ConfigError, match="cell cutmix_m2_seed0 was finished"):
        check_changes(changed, ["supervised_m2_seed0"])
    check_changes(changed, [])
    assert finished(changed) == []
    run_study(changed, jobs=1)
    assert len(finished(changed)) == 2


def test_redo_of_a_name_removes_that_cell(opened):
    run_study(opened(), jobs=2)
    study = opened()
    check_changes(study, ["cutmix_m2_seed1"])
    assert len(finished(study)) == 3
    assert not (study.folder / "cells" / "cutmix_m2_seed1").exists()
    with pytest.raises(ConfigError, match="no cell 'cutmix_m2'; did you mean"):
        check_changes(study, ["cutmix_m2"])


def test_a_failure_is_named(opened, monkeypatch):
    study = opened(seeds=[0])
    study.trainings[1].cell.cfg.fails = 3
    run_study(study, jobs=1)
    (problem,) = problems(study.trainings)
    assert problem.startswith("cell cutmix_m2_seed0 ended with code 3: error: it went")
    assert make_record(study.study, study.trainings, [])["missing"] == [
        "cutmix_m2_seed0"
    ]


def test_a_folder_of_another_study_is_refused(opened, write_study, tmp_path):
    study = opened()
    begin(study, study.trainings)
    other = read_study(write_study("other"))
    with pytest.raises(ConfigError, match="work is the work-dir of the study 'tiny'"):
        open_study(other, tmp_path / "work")
    assert default_folder(other).parts == ("work_dirs", "studies", "other")


def test_a_folder_of_something_else_is_refused(opened, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "precious.txt").write_text("mine")
    with pytest.raises(ConfigError, match="work holds something else than a study"):
        opened()
    (tmp_path / "work" / "study.json").write_text("[]")
    with pytest.raises(ConfigError, match="study.json is no record of a study: the"):
        opened()


def test_nothing_finished_is_nothing_to_report(opened):
    study = opened()
    assert finish_study(study) == []
    with pytest.raises(ConfigError, match="study tiny: no cell is finished"):
        make_record(study.study, study.trainings, [])


def test_the_jobs_are_those_of_the_study(opened, monkeypatch):
    slots = []
    monkeypatch.setattr(
        "mmseg_semisup.study.run.run_trainings", lambda _, s, __: slots.append(len(s))
    )
    run_study(opened(jobs=3))
    run_study(opened(jobs=3), jobs=2)
    run_study(opened(jobs=30))
    assert slots == [3, 2, 4]


def test_what_cannot_be_measured_is_told(opened):
    study = opened(seeds=[0])
    run_study(study, jobs=1)
    assert [needs_measuring(t) for t in study.trainings] == [False, True]
    told = []
    (problem,) = measure_all(study.trainings, told.append)
    assert told == ["cutmix_m2_seed0: its labels of the unlabelled images are measured"]
    assert problem == "cell cutmix_m2_seed0: its checkpoint is gone"


def test_a_measurement_leaves_no_masks_behind(opened, monkeypatch):
    """Nor does one that was killed, once it is repeated."""
    study = opened(seeds=[0])
    run_study(study, jobs=1)
    training = study.trainings[1]
    before = {*training.folder.iterdir()}
    masks = training.folder / MASKS
    masks.mkdir()
    (masks / "left.png").touch()

    def quality(_, checkpoint, out):
        assert not out.exists()
        out.mkdir()
        found = dict(mIoU=1.0, accuracy=1.0, kept=[70.0], accuracy_of_kept=[90.0])
        return dict(found, images_with_truth=1, thresholds=[0.95])

    monkeypatch.setattr("mmseg_semisup.study.selection._quality", quality)
    monkeypatch.setattr(
        "mmseg_semisup.study.selection.find_last_checkpoint", lambda folder: folder
    )
    measure(training)
    assert {*training.folder.iterdir()} == before
    assert at_threshold(opened(seeds=[0]).trainings[1].state.result, "kept") == 70.0


def test_a_selection_without_the_threshold_is_unknown():
    selection = dict(thresholds=[0.5, 0.95], kept=[1.0], accuracy_of_kept=[None, 9.0])
    assert at_threshold(dict(selection=selection), "kept") is None
    assert at_threshold(dict(selection=selection), "accuracy_of_kept") == 9.0
    assert at_threshold({}, "kept") is None


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A made-up slurm: it notes its arguments, and its queue is a file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in {
        "sbatch": 'echo "$@" >>"$NOTES"; echo "$STUDY_FOLDER" >>"$NOTES"; echo 41',
        "squeue": 'cat "$QUEUE" 2>/dev/null',
    }.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("QUEUE", str(tmp_path / "queue"))
    monkeypatch.setenv("GPUS", "0")
    monkeypatch.setattr("mmseg_semisup.study.slurm.INTERVAL_S", 0.01)
    return tmp_path


def test_an_array_is_submitted_once(opened, slurm):
    from mmseg_semisup.study.slurm import submit

    study = opened()
    begin(study, study.trainings)
    tools = slurm / "tools"
    assert submit(study.folder, study.trainings, "debug", 3, tools) == "41"
    words, folder = (slurm / "notes").read_text().splitlines()
    assert "--partition=debug" in words
    assert "--array=0-3%3" in words
    assert "--gres" not in words
    assert words.endswith(f"{tools}/slurm_job.sh {tools}")
    assert folder == str(study.folder)
    (slurm / "queue").write_text("41_[0-3] debug\n")
    assert submit(study.folder, study.trainings, "debug", 3, tools) == "41"
    assert len((slurm / "notes").read_text().splitlines()) == 2


def test_a_task_runs_its_training_and_the_watch_sees_it(opened, slurm, capsys):
    from mmseg_semisup.study.board import Board
    from mmseg_semisup.study.slurm import run_task, submit, watch

    study = opened(seeds=[0])
    begin(study, study.trainings)
    submit(study.folder, study.trainings, "debug", 1, slurm)
    names = json.loads((study.folder / "array.json").read_text())["cells"]
    assert names == ["supervised_m2_seed0", "cutmix_m2_seed0"]
    assert run_task(study.folder, 0) == 0
    assert run_task(study.folder, 0) == 0
    config = study.folder / "cells" / "cutmix_m2_seed0.py"
    config.write_text(config.read_text() + "fails = 4\n")
    assert run_task(study.folder, 1) == 1
    assert "cell cutmix_m2_seed0 ended with code 4" in capsys.readouterr().err
    watch("41", study.trainings, Board(study.trainings, 1))
    assert [t.status for t in study.trainings] == ["finished", "failed"]


def test_what_slurm_says_is_said(opened, slurm, monkeypatch):
    from mmseg_semisup.study.slurm import submit

    study = opened()
    (slurm / "bin" / "sbatch").write_text(
        "#!/bin/bash\necho 'no partition' >&2; exit 1"
    )
    with pytest.raises(ConfigError, match="--slurm: no partition"):
        submit(study.folder, study.trainings, "x", 1, slurm)
    monkeypatch.setattr(
        subprocess, "run", lambda *a, **k: (_ for _ in ()).throw(FileNotFoundError())
    )
    with pytest.raises(ConfigError, match="there is no sbatch"):
        submit(study.folder, study.trainings, "x", 1, slurm)
    (study.folder / "array.json").write_text('{"job": "41", "cells": []}')
    with pytest.raises(ConfigError, match="there is no squeue"):
        submit(study.folder, study.trainings, "x", 1, slurm)
