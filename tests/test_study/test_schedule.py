"""Trainings run several at a time; one that fails stops no other."""

from __future__ import annotations

import io
import re
import time

import pytest

from mmseg_semisup.engine.preemption import PreemptedError
from mmseg_semisup.study import schedule
from mmseg_semisup.study.board import Board
from mmseg_semisup.study.schedule import make_slots, run_trainings, visible_gpus
from mmseg_semisup.study.training import Training


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(schedule, "INTERVAL_S", 0.01)


class Notes:
    """A watcher that notes what it is told, and the greatest number at a time."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.active: set[str] = set()
        self.most = 0

    def began(self, training: Training) -> None:
        self.told.append(f"+{training.name}")
        self.active.add(training.name)
        self.most = max(self.most, len(self.active))

    def ended(self, training: Training) -> None:
        self.told.append(f"-{training.name}")
        self.active.remove(training.name)

    def show(self) -> None:
        pass


@pytest.fixture
def make(stub, tmp_path):
    """Makes trainings of the stub; a number is the seed."""

    def trainings(*names: str, **changes) -> list[Training]:
        made = [
            Training(stub.cell(n, **changes), tmp_path, stub.command) for n in names
        ]
        for training in made:
            training.prepare()
        return made

    return trainings


def test_so_many_at_a_time_in_their_order(make):
    trainings = make(*(f"a_seed{i}" for i in range(4)), waits=0.005)
    notes = Notes()
    run_trainings(trainings, [None, None], notes)
    assert all(training.finished for training in trainings)
    assert notes.most == 2
    begun = [word for word in notes.told if word[0] == "+"]
    assert begun == [f"+a_seed{i}" for i in range(4)]
    again = Notes()
    run_trainings(trainings, [None, None], again)
    assert again.told == []


def test_a_failed_training_stops_no_other_and_is_tried_again(make):
    trainings = [*make("a_seed0", "c_seed0"), *make("b_seed0", fails=1)]
    run_trainings(trainings, [None], Notes())
    assert [t.status for t in trainings] == ["finished", "finished", "failed"]
    notes = Notes()
    trainings[2].cell.cfg.fails = 0
    trainings[2].prepare()
    run_trainings(trainings, [None], notes)
    assert notes.told == ["+b_seed0", "-b_seed0"]
    assert trainings[2].finished


def test_an_exception_stops_the_trainings_which_save(make):
    trainings = make("a_seed0", "b_seed0", "c_seed0", waits=0.2)

    class Impatient(Notes):
        def show(self) -> None:
            if all(t.log().iteration > 1 for t in trainings[:2]):
                raise PreemptedError(15, "told")

    with pytest.raises(PreemptedError):
        run_trainings(trainings, [None, None], Impatient())
    assert [t.problem for t in trainings] == ["was stopped by a signal"] * 2 + [None]
    done = [t.log().iteration for t in trainings]
    time.sleep(0.1)
    assert [t.log().iteration for t in trainings] == done


def test_a_folder_that_is_in_use_is_waited_for(make, monkeypatch):
    trainings = make("a_seed0", "b_seed0")
    free = iter([False] * 3)
    elsewhere = {"a_seed0": lambda: next(free, None) is False}
    monkeypatch.setattr(
        Training, "at_work_elsewhere", lambda t: elsewhere.get(t.name, bool)()
    )
    notes = Notes()
    run_trainings(trainings, [None], notes)
    assert notes.told == ["+b_seed0", "-b_seed0", "+a_seed0", "-a_seed0"]


def test_gpus_are_shared_out(make, monkeypatch, tmp_path):
    assert make_slots(3, ["4", "7"]) == ["4", "7", "4"]
    assert make_slots(2, []) == [None, None]
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert visible_gpus() == ["4", "7"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert visible_gpus() == ["0", "1"]
    seen = []
    monkeypatch.setattr(Training, "start", lambda t, gpu, _: seen.append((t.name, gpu)))
    run_trainings(make("a_seed0", "b_seed0"), ["4", "7"], Notes())
    assert seen == [("a_seed0", "4"), ("b_seed0", "7")]


def test_a_log_has_plain_lines(make):
    trainings = [*make("a_seed0", "a_seed1", waits=0.01), *make("b_seed0", fails=2)]
    stream = io.StringIO()
    board = Board(trainings, 2, stream)
    run_trainings(trainings, [None, None], board)
    board.show(now=True)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "a_seed0 begins" in text
    assert "a_seed1 is finished: mIoU 50.0, best 55.0 at 10; " in text
    assert "b_seed0 FAILED: ended with code 2: error: it went wrong" in text
    assert "2 of 3 finished, 1 failed" in text.splitlines()[-1]


def test_a_terminal_has_a_line_for_each_training(make, monkeypatch):
    trainings = make("a_seed0", "a_seed1", "b_seed0", waits=0.02)
    stream = io.StringIO()
    board = Board(trainings, 1, stream, live=True)
    monkeypatch.setattr("mmseg_semisup.study.board.LIVE_S", 0.0)
    run_trainings(trainings, [None], board)
    board.close()
    screens = stream.getvalue().split("\x1b[4A\x1b[J")
    assert len(screens) > 5
    middle = [s for s in screens if re.search(r"a_seed1 +running +\d+/20, .* left", s)]
    assert middle
    first, second, third, total = middle[-1].splitlines()[-4:]
    assert re.fullmatch(r"a_seed0 +done +mIoU 50.0", first)
    assert third.rstrip() == "b_seed0"
    assert re.fullmatch(r"1 of 3 finished, 1 running, about .* left", total)
    assert "3 of 3 finished" in screens[-1]


def test_the_time_left_is_shared_by_the_jobs(make):
    trainings = make(*(f"a_seed{i}" for i in range(5)))
    assert Board(trainings, 2).seconds_left({}) is None
    run_trainings(trainings[:1], [None], Notes())
    trainings[0].state.attempts[-1]["seconds"] = 10.0
    times = []
    for jobs in (1, 2, 4):
        board = Board(trainings, jobs)
        board._note_paces({})
        times.append(board.seconds_left({}))
    assert times == pytest.approx([40.0, 20.0, 10.0])
