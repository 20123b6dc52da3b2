"""Snapshots of the students that are the best in validation so far."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.hooks import NewBestHook


def runner(**changes):
    calls = []
    model = SimpleNamespace(improve=lambda: calls.append(1))
    hub = MessageHub.get_instance("best")
    return SimpleNamespace(model=model, message_hub=hub, calls=calls, **changes)


def scores(name="mIoU", values=(10.0, 12.0, 11.0, 12.0, float("nan"), 13.0)):
    run, hook = runner(), NewBestHook()
    found = []
    for value in values:
        before = len(run.calls)
        hook.after_val_epoch(run, {name: value})
        found.append(len(run.calls) > before)
    return run, found


@pytest.mark.parametrize("name", ["mIoU", "student/mIoU"])
def test_a_validation_counts_if_it_is_better_than_all_before(name):
    _, found = scores(name)
    assert found == [True, True, False, False, False, True]


def test_the_best_score_survives_a_resume():
    run, _ = scores()
    state = run.message_hub.state_dict()
    MessageHub._instance_dict.clear()
    later = runner()
    later.message_hub.load_state_dict(state)
    NewBestHook().after_val_epoch(later, {"mIoU": 12.5})
    assert later.calls == []
    NewBestHook().after_val_epoch(later, {"mIoU": 13.5})
    assert later.calls == [1]


def test_a_missing_score_is_named():
    with pytest.raises(ConfigError, match=r"metric='mIou', but .* \['mIoU'\]"):
        NewBestHook("mIou").after_val_epoch(runner(), {"mIoU": 1.0})


def test_a_training_without_validation_is_refused():
    with pytest.raises(ConfigError, match="add val_dataloader"):
        NewBestHook().before_train(runner(val_loop=None))
