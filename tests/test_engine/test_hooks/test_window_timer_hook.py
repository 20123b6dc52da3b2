"""Images that are predicted together share the time of their prediction."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.hooks import IterTimerHook, iter_timer_hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmseg_semisup.engine import equal_sizes, loops
from mmseg_semisup.engine.console import ConciseRunner
from mmseg_semisup.engine.hooks import WindowTimerHook, window_timer_hook

WAIT, PREDICT, PROCESS = 0.3, 2.0, 0.1
BATCHES, TOGETHER = 6, 3


class Clock:
    """Seconds that pass where a test says so."""

    def __init__(self):
        self.now = 100.0

    def time(self):
        """The time."""
        return self.now

    perf_counter = time

    def passes(self, seconds, result=None):
        """A function that takes these seconds."""

        def run(*args, **kwargs):
            self.now += seconds
            return result

        return run


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    for module in (iter_timer_hook, window_timer_hook, equal_sizes):
        monkeypatch.setattr(module, "time", found)
    return found


class Loader:
    """Batches, for each of which the loop waits."""

    dataset = ()

    def __init__(self, clock):
        self.wait = clock.passes(WAIT)

    def __iter__(self):
        for number in range(BATCHES):
            self.wait()
            yield number

    def __len__(self):
        return BATCHES


class Loop(loops.EqualSizeValLoop):
    """A validation without a network."""

    def __init__(self, clock):
        self.dataloader = Loader(clock)
        self.predict = clock.passes(PREDICT, [0] * TOGETHER)
        self.evaluator = SimpleNamespace(
            dataset_meta=None,
            process=clock.passes(PROCESS),
            evaluate=lambda size: {},
        )


def test_a_window_is_shared_by_its_batches(clock, monkeypatch):
    monkeypatch.setattr(
        loops,
        "windows",
        lambda loader, *_: map(list, zip(*[iter(loader)] * TOGETHER, strict=True)),
    )
    monkeypatch.setattr(loops, "groups", lambda window: [range(len(window))])
    monkeypatch.setattr(loops, "joined", lambda batches: batches)
    hub, hook, left = MessageHub.get_instance("shared"), WindowTimerHook(), []

    def call_hook(event, **values):
        if event in ("before_val_epoch", "before_val_iter", "after_val_iter"):
            getattr(hook, event)(runner, **values)
        if event == "after_val_iter":
            left.append(hub.get_info("eta"))

    loop = Loop(clock)
    loop._runner = runner = SimpleNamespace(
        message_hub=hub,
        call_hook=call_hook,
        val_loop=loop,
        val_dataloader=loop.dataloader,
        model=SimpleNamespace(eval=lambda: None),
    )
    began = clock.now
    loop.run()
    times = hub.get_scalar("val/time").data[0].tolist()
    waits = hub.get_scalar("val/data_time").data[0].tolist()
    assert waits == pytest.approx([WAIT] * BATCHES)
    # What is done with the first prediction belongs to the share of all.
    share = (TOGETHER * WAIT + PREDICT + PROCESS) / TOGETHER
    assert times == pytest.approx([share, share + PROCESS, share + PROCESS] * 2)
    assert sum(times) == pytest.approx(clock.now - began)
    assert left[0] == pytest.approx(5 * share)
    assert left[-1] == 0


def test_mmengines_timer_is_replaced_and_a_users_is_not(monkeypatch):
    registered = []
    monkeypatch.setattr(
        Runner, "register_hook", lambda self, hook, priority: registered.append(hook)
    )
    runner = ConciseRunner.__new__(ConciseRunner)
    own = type("Own", (IterTimerHook,), {})()
    for hook in ({"type": "IterTimerHook", "priority": "LOW"}, {"type": "X"}, own):
        runner.register_hook(hook)
    assert registered == [
        {"type": WindowTimerHook, "priority": "LOW"},
        {"type": "X"},
        own,
    ]
