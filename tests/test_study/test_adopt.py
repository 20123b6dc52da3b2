"""Results of a study that another machine has measured."""

from __future__ import annotations

import json

import pytest

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.study.adopt import adopt_results
from mmseg_semisup.study.plan import read_study
from mmseg_semisup.study.results import RESULTS
from mmseg_semisup.study.run import finish_study, open_study, run_study
from mmseg_semisup.study.selection import needs_measuring

NAMES = ["supervised_m2_seed0", "cutmix_m2_seed0"]


@pytest.fixture
def opened(write_study, stubbed, tmp_path):
    """Opens the tiny study in a folder, with the stub's trainings."""

    def open_it(folder: str, **changes):
        study = read_study(write_study(seeds=[0], **changes))
        return open_study(study, tmp_path / folder)

    return open_it


@pytest.fixture
def record(opened):
    """The results of another machine."""
    there = opened("there")
    run_study(there, jobs=2)
    finish_study(there)
    return there.folder / RESULTS


def test_adopted_results_are_finished_trainings(opened, record):
    here = opened("here")
    assert adopt_results(here, [record]) == [f"{record}: took 2 of 2 results"]
    again = opened("here")
    assert [t.name for t in again.trainings if t.finished] == NAMES
    first = again.trainings[0]
    assert first.state.result is not None
    pace = first.state.result["seconds"] / first.cell.iterations
    assert first.seconds_per_iteration(0) == pace > 0
    run_study(again, jobs=1)
    finish_study(again)
    assert not (again.folder / "cells" / NAMES[0]).exists()
    ours = json.loads((again.folder / RESULTS).read_text())
    assert ours["cells"] == json.loads(record.read_text())["cells"]


def test_what_was_measured_with_another_config_is_left(opened, record):
    here = opened("here", iterations=6)
    (line,) = adopt_results(here, [record])
    assert line.endswith(
        f"took 0 of 2 results; measured with another config: {', '.join(NAMES)}"
    )
    assert not any(training.finished for training in here.trainings)


def test_own_trainings_are_left_alone(opened, record):
    here = opened("here")
    run_study(here, NAMES[:1], jobs=1)
    (line,) = adopt_results(here, [record])
    assert line.endswith(f"took 1 of 2 results; begun or finished here: {NAMES[0]}")
    assert len(here.trainings[0].state.attempts) == 1


def test_an_adopted_training_has_nothing_to_measure(opened, record):
    here = opened("here", selection=True)
    adopt_results(here, [record])
    assert not any(map(needs_measuring, here.trainings))


def test_a_record_without_digests_gives_nothing(opened, record):
    content = json.loads(record.read_text())
    for cell in content["cells"]:
        del cell["config"]
    record.write_text(json.dumps(content))
    (line,) = adopt_results(opened("here"), [record])
    assert "took 0 of 2 results; measured with another config" in line


def test_a_record_of_another_study_gives_what_has_the_same_config(
    record, write_study, stubbed, tmp_path
):
    method = {"name": "mixed", "base": "cutmix"}
    splits = {name: str(tmp_path / f"list{name}.txt") for name in "23"}
    path = write_study("later", methods=["supervised", method], splits=splits)
    here = open_study(read_study(path), tmp_path / "here")
    (line,) = adopt_results(here, [record])
    assert line.endswith("took 2 of 2 results")
    names = {"supervised_2_seed0": "supervised", "mixed_2_seed0": "mixed"}
    assert {t.name for t in here.trainings if t.finished} == set(names)
    run_study(here, jobs=2)
    finish_study(here)
    cells = {
        c["cell"]: c for c in json.loads((here.folder / RESULTS).read_text())["cells"]
    }
    assert len(cells) == 8
    for name, method in names.items():
        assert (cells[name]["method"], cells[name]["split"]) == (method, "2")


def test_no_record_is_refused_and_nothing_taken(opened, record):
    other = record.with_name("other.json")
    content = json.loads(record.read_text())
    other.write_text(json.dumps({**content, "cells": [{"cell": 3}]}))
    here = opened("here")
    with pytest.raises(ConfigError, match="is no record of a study"):
        adopt_results(here, [record, other])
    assert not any(training.finished for training in here.trainings)


def test_names_in_a_record_are_shown_escaped(opened, record):
    content = json.loads(record.read_text())
    content["cells"][0]["cell"] = "a\x1b[2J"
    record.write_text(json.dumps(content))
    (line,) = adopt_results(opened("here"), [record])
    assert "\x1b" not in line
