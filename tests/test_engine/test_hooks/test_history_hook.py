"""Checkpoints and memory do not grow with the number of steps."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from mmengine.logging import HistoryBuffer

from mmseg_semisup.engine.hooks import HistoryHook
from mmseg_semisup.engine.hooks.history_hook import shorten


def runner(windows=(), lengths=(), size=5):
    cfg = [dict(data_src="loss", window_size=size) for size in windows]
    return SimpleNamespace(
        log_processor=SimpleNamespace(window_size=10, custom_cfg=cfg),
        hooks=[SimpleNamespace(history_length=n) for n in lengths] + [object()],
        train_dataloader=range(size),
    )


@pytest.mark.parametrize(
    ("options", "length", "in_memory"),
    [
        ({}, 10, 1000),
        ({"windows": [30, "epoch"]}, 30, 1000),
        ({"windows": [30], "lengths": [2000, 5]}, 2000, 2000),
        ({"windows": ["global"]}, math.inf, math.inf),
        ({"size": 7000}, 10, 7000),
    ],
)
def test_what_is_read_stays(options, length, in_memory):
    hook = HistoryHook()
    hook.before_train(runner(**options))
    assert (hook.length, hook.in_memory) == (length, in_memory)


def test_the_last_values_stay():
    buffer = HistoryBuffer([1.0, 2.0, 3.0], [1, 1, 2])
    shorten(buffer, 5)
    shorten(buffer, math.inf)
    assert buffer.data[0].tolist() == [1, 2, 3]
    shorten(buffer, 2)
    assert [part.tolist() for part in buffer.data] == [[2, 3], [1, 2]]
    buffer.update(4.0)
    assert buffer.mean(2) == pytest.approx(7 / 3)
