"""The log of a training is read over resumes, over stages, and while it is written."""

from __future__ import annotations

from tiny_study import write_log

from mmseg_semisup.report.log import read_log, read_points


def test_a_log_is_read_over_resumes_and_while_it_is_written(tmp_path):
    write_log(
        tmp_path,
        "1",
        dict(loss=1, time=1.0, iter=10, memory=100),
        {"teacher/mIoU": 30.0, "student/mIoU": 31.0, "step": 10},
        dict(loss=1, time=9.0, iter=20, memory=400),
    )
    write_log(
        tmp_path,
        "2",
        dict(loss=1, time=2.0, iter=20, memory=300),
        {
            "teacher/mIoU": 35.0,
            "student/mIoU": 34.0,
            "teacher/IoU/cat": 20.0,
            "teacher/IoU/dog": float("nan"),
            "step": 20,
        },
        dict(loss=1, time=2.0, iter=30),
        end='\n{"loss": 1, "ti',
    )
    log = read_log(tmp_path)
    assert log.iteration == 30
    assert log.seconds == 10 * 1.0 + 10 * 2.0 + 10 * 2.0
    assert log.gpu_memory == 300
    assert log.scores == {
        "teacher": {10: 30.0, 20: 35.0},
        "student": {10: 31.0, 20: 34.0},
    }
    assert log.classes == {"teacher": {"cat": 20.0}}


def test_values_of_a_log_that_are_no_numbers_are_left_out(tmp_path):
    write_log(
        tmp_path,
        "1",
        dict(loss=1, time=float("nan"), iter=10, memory=float("nan")),
        {"mIoU": 30.0, "step": 10, "IoU/cat": "high"},
        dict(loss=1, time=1.0, iter=20),
        {"mIoU": float("nan"), "teacher/mIoU": [30], "step": 20},
    )
    log = read_log(tmp_path)
    assert (log.iteration, log.seconds, log.gpu_memory) == (20, 20.0, None)
    assert log.scores == {"student": {10: 30.0}}
    assert log.classes == {}


def test_of_stages_the_last_one_is_scored(tmp_path):
    for number, name in enumerate(("first", "second")):
        scores = {"mIoU": 30.0 + number, "step": 10}
        write_log(tmp_path / name, "1", dict(loss=1, time=1.0, iter=10), scores)
    log = read_log(tmp_path, ("first", "second"))
    assert (log.iteration, log.seconds) == (20, 20.0)
    assert log.scores == {"student": {10: 31.0}}
    assert read_log(tmp_path / "nothing").iteration == 0


def test_points_are_those_of_one_training(tmp_path):
    write_log(tmp_path, "1", {"loss": 9.0, "iter": 10}, {"loss": 8.0, "iter": 90})
    write_log(tmp_path, "2", {"loss": 1.0, "iter": 10, "name": "text"}, end="\n{")
    write_log(tmp_path, "3", {"mIoU": float("nan"), "step": 10})
    points = read_points(tmp_path, "2")
    assert list(points) == [10]
    assert points[10]["loss"] == 1.0
    assert set(points[10]) == {"loss", "mIoU"}
    assert set(read_points(tmp_path)) == {10, 90}


def test_validations_that_are_counted_by_epoch_are_at_their_iteration(tmp_path):
    write_log(
        tmp_path,
        "1",
        dict(loss=1, time=1.0, iter=50, step=50),
        {"mIoU": 30.0, "step": 1},
        dict(loss=1, time=1.0, iter=100, step=100),
        {"mIoU": 40.0, "step": 2},
    )
    assert read_log(tmp_path).scores == {"student": {50: 30.0, 100: 40.0}}
    assert read_points(tmp_path)[100] == {"loss": 1.0, "time": 1.0, "mIoU": 40.0}
