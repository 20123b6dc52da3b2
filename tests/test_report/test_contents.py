"""A work-dir is read however its training ended."""

from __future__ import annotations

import json
import math

import pytest
from reported_runs import CLASSES, curve

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.report.contents import (
    check_classes,
    distinct_titles,
    read_contents,
)
from mmseg_semisup.report.facts import FILE
from mmseg_semisup.report.validation import FILE as VALIDATION


def test_all_of_a_work_dir_is_read(make_run):
    run = read_contents(make_run(last=60.0, warnings=["one", "one"]))
    assert run.last == 60.0
    assert run.best == (40, 60.0)
    assert run.ious == {"ground": 60.0, "cat": 65.0, "dog": 70.0}
    assert run.iteration == 40
    assert run.warnings == {"one": 2}
    assert run.config.startswith("model")
    assert run.validation is not None
    assert len(run.validation.scenes) == 6
    assert run.classes == CLASSES


def test_the_network_that_predicts_counts(make_run):
    lines = [*curve(50.0, network="student/"), *curve(55.0, network="teacher/")]
    run = read_contents(make_run(network="student/", lines=lines))
    assert (run.network, run.last) == ("student", 50.0)


def test_a_training_of_before_has_its_log_alone(make_run):
    folder = make_run(network="teacher/")
    (folder / FILE).unlink()
    run = read_contents(folder)
    assert run.last == 60.0
    assert run.network == "teacher"
    assert run.validation is None
    assert run.classes == CLASSES
    assert run.config.startswith("model")


def test_an_earlier_training_in_the_same_folder_does_not_count(make_run):
    folder = make_run(lines=curve(60.0, steps=2))
    earlier = folder / "20261126_040000" / "vis_data" / "scalars.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("\n".join(map(json.dumps, curve(90.0, steps=9))))
    run = read_contents(folder)
    assert run.last == 60.0
    assert max(run.points) == 20


def test_a_training_that_was_resumed_twice_has_one_curve(make_run):
    folder = make_run(lines=curve(30.0, steps=3))
    for day, last in (("28", 40.0), ("29", 50.0)):
        path = folder / f"202611{day}_040000" / "vis_data" / "scalars.json"
        path.parent.mkdir(parents=True)
        lines = curve(last, steps=4)[2:]
        # The process was killed while it wrote.
        path.write_text("\n".join(map(json.dumps, lines)) + '\n{"loss": 1.2, "it')
    run = read_contents(folder)
    assert [step for step, _ in run.curve()] == [10, 20, 30, 40]
    assert run.curve()[0][1] == pytest.approx(10.0)
    assert run.last == 50.0


def test_nan_in_a_log_is_kept(make_run):
    lines = [{"loss": math.nan, "iter": 10, "time": math.inf}, *curve(60.0)[2:]]
    run = read_contents(make_run(lines=lines))
    assert math.isnan(run.points[10]["loss"])


def test_a_folder_without_a_training_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no work-dir"):
        read_contents(tmp_path / "none")
    with pytest.raises(ConfigError, match="holds no training"):
        read_contents(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 9}', '{"version": 1}'])
def test_a_damaged_record_is_named(make_run, content):
    folder = make_run()
    (folder / FILE).write_text(content)
    with pytest.raises(ConfigError, match=r"report\.json is no record") as error:
        read_contents(folder)
    assert "\n" not in str(error.value)


def test_a_validation_of_other_classes_is_left_out(make_run):
    assert read_contents(make_run("a", classes=CLASSES[:2])).validation is None
    assert read_contents(make_run("b", iteration=10, lines=[])).validation is None
    folder = make_run("c")
    (folder / VALIDATION).write_bytes(b"PK")
    assert read_contents(folder).validation is None


def test_other_classes_are_refused_in_one_line(make_run):
    run = read_contents(make_run("a"))
    other = read_contents(make_run("b", classes=["ground", "cat", "cow"], images=0))
    with pytest.raises(ConfigError) as error:
        check_classes(run, other, "--baseline")
    assert "2: 'dog' instead of 'cow'" in str(error.value)
    assert "\n" not in str(error.value)
    check_classes(run, run, "--baseline")
    (other.folder / FILE).unlink()
    older = read_contents(other.folder)
    check_classes(run, older, "--baseline")
    older.points = {10: {"IoU/cow": 1.0}}
    with pytest.raises(ConfigError, match="only one of them has cat, cow"):
        check_classes(run, older, "--baseline")


def test_titles_differ(tmp_path):
    names = distinct_titles([tmp_path / "a" / "run", tmp_path / "b" / "run"])
    assert names == ["a/run", "b/run"]
    assert distinct_titles([tmp_path / "a"]) == ["a"]
    assert len(set(distinct_titles([tmp_path, tmp_path]))) == 2
