"""The journal of a folder of predictions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_semisup.export.prediction_journal import Journal, made_by

RESULT = Path("sub/a")


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels")
    return path


def noted(folder, image, made, mean=0.5):
    with Journal(folder, made).open() as journal:
        journal.note(image, RESULT, mean)


def test_a_noted_image_is_finished(tmp_path, image):
    noted(tmp_path, image, {"weights": 1})
    other = image.with_name('odd "name"\nüñ.jpg')
    other.write_bytes(b"more")
    noted(tmp_path, other, {"weights": 1}, None)
    journal = Journal(tmp_path, {"weights": 1})
    assert journal.finished(image, RESULT).mean == 0.5
    assert journal.finished(other, RESULT).mean is None
    assert journal.finished(image, Path("other")) is None
    assert not journal.outdated


@pytest.mark.parametrize("change", ["content", "time", "gone"])
def test_a_changed_image_is_not(tmp_path, image, change):
    noted(tmp_path, image, {})
    if change == "content":
        image.write_bytes(b"other pixels")
    elif change == "time":
        os.utime(image, (1, 1))
    else:
        image.unlink()
    assert Journal(tmp_path, {}).finished(image, RESULT) is None


def test_results_of_something_else_do_not_count(tmp_path, image):
    noted(tmp_path, image, {"weights": 1})
    journal = Journal(tmp_path, {"weights": 2})
    assert journal.outdated
    assert journal.finished(image, RESULT) is None
    with journal.open():
        pass
    assert Journal(tmp_path, {"weights": 1}).outdated


def test_damaged_lines_are_left_out(tmp_path, image):
    noted(tmp_path, image, {})
    path = tmp_path / "finished.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert Journal(tmp_path, {}).finished(image, RESULT) is None
    path.write_bytes(whole + b'{"image": 3}\n\xff\n')
    assert Journal(tmp_path, {}).finished(image, RESULT)
    path.write_bytes(b"\x00" + whole)
    assert Journal(tmp_path, {}).outdated


def test_results_depend_on_weights_config_and_options(tmp_path):
    weights = tmp_path / "a.pth"
    weights.write_bytes(b"1")
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}]
    cfg = {"model": {"type": "EncoderDecoder"}, "test_pipeline": pipeline}
    first = made_by(Config(cfg), weights, {"opacity": 1})
    assert made_by(Config({**cfg, "work_dir": "x"}), weights, {"opacity": 1}) == first
    others = [
        made_by(Config(cfg), weights, {"opacity": 2}),
        made_by(Config({**cfg, "model": {"type": "Other"}}), weights, {"opacity": 1}),
        made_by(
            Config({**cfg, "test_pipeline": pipeline[:1]}), weights, {"opacity": 1}
        ),
    ]
    weights.write_bytes(b"2")
    others.append(made_by(Config(cfg), weights, {"opacity": 1}))
    assert first not in others
