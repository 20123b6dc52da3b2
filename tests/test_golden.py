"""Every method gives, step by step, the numbers that were recorded (golden_runs.py)."""

from __future__ import annotations

import golden_runs
import pytest
import tiny_methods


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Where the runs put their data."""
    return tmp_path_factory.mktemp("golden")


@pytest.mark.parametrize("name", golden_runs.recorded_names("tiny"))
def test_tiny_method(name, data):
    lines = golden_runs.differences(golden_runs.read(name), golden_runs.run(name, data))
    assert not lines, "\n".join(lines)


def test_every_tiny_method_is_recorded():
    recorded = set(golden_runs.recorded_names("tiny"))
    assert recorded >= {f"tiny/{method}" for method in tiny_methods.METHODS}


def test_a_weight_that_is_off_by_a_ten_thousandth_is_noticed(data, monkeypatch):
    """Within what is allowed for other processors, too."""
    contrast = {**tiny_methods.CONTRAST, "weight": 0.1 * (1 + 1e-4)}
    monkeypatch.setitem(tiny_methods.OBJECTIVES, "context_aware", [contrast])
    expected = golden_runs.read("tiny/context_aware")
    found = golden_runs.run("tiny/context_aware", data)
    for exact in (False, True):
        first, *_ = golden_runs.differences(expected, found, exact)
        assert first.startswith("step 0: ")
        assert "loss" in first


def test_names_that_come_and_go_are_told():
    old = golden_runs.Numbers({"a": [1.0]}, {"x": [1.0, 1.0], "z": [1.0, 1.0]})
    new = golden_runs.Numbers({"b": [1.0]}, {"x": [1.0, 1.1], "z": [1.0, 1.0]})
    assert golden_runs.differences(old, new) == [
        "figures: a is gone",
        "figures: b is new",
        "step 20: x was 1.0, is 1.1",
    ]


def test_a_record_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(golden_runs, "FOLDER", tmp_path)
    state = {"a.b.c": [0.1 + 0.2, 1e-300], "a.b.d": [-0.0, 5.0], "e": [1 / 3, 2**0.5]}
    numbers = golden_runs.Numbers({"loss": [1 / 3, 1e22], "lr": [0.1]}, state)
    golden_runs.write("tiny/one", numbers)
    assert golden_runs.read("tiny/one") == numbers
