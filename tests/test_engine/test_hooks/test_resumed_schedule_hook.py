"""A schedule that a resumed training does not follow is said."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import MultiStepLR, PolyLR

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.hooks import ResumedScheduleHook


def poly(lr=0.1, steps=0, **changes):
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=lr)
    options = dict(eta_min=1e-4, power=0.9, begin=0, end=10, by_epoch=False)
    schedule = PolyLR(optimizer, **{**options, **changes})
    for _ in range(steps):
        optimizer.step()
        schedule.step()
    return schedule


def steps_at(*milestones):
    weight = torch.zeros(1, requires_grad=True)
    return MultiStepLR(torch.optim.SGD([weight], lr=0.1), milestones=list(milestones))


def warnings(now, then, resume=True):
    lines = []
    log = SimpleNamespace(warning=lines.append)
    runner = SimpleNamespace(_resume=resume, param_schedulers=now, logger=log)
    if isinstance(then, dict):
        state = {k: [s.state_dict() for s in group] for k, group in then.items()}
    else:
        state = [schedule.state_dict() for schedule in then]
    ResumedScheduleHook().after_load_checkpoint(runner, {"param_schedulers": state})
    return lines


@pytest.mark.parametrize(
    ("now", "then", "places"),
    [
        (lambda: [poly()], lambda: [poly(steps=4)], []),
        (
            lambda: [poly(end=20)],
            lambda: [poly(steps=4)],
            ["param_scheduler[0].end: 20"],
        ),
        (lambda: [poly(lr=0.2)], lambda: [poly()], ["[0].base_values: [0.2]"]),
        (lambda: [steps_at(3)], lambda: [steps_at(3)], []),
        (lambda: [steps_at(3, 9)], lambda: [steps_at(3, 5)], ["[0].milestones"]),
        (
            lambda: {"segmentor": [poly(power=1.0)], "discriminator": [poly()]},
            lambda: {"segmentor": [poly()], "discriminator": [poly()]},
            ["param_scheduler.segmentor[0].power: 1.0"],
        ),
    ],
)
def test_differences_are_named(now, then, places):
    lines = warnings(now(), then())
    assert len(lines) == len(places)
    assert all(place in line for place, line in zip(places, lines, strict=True))


def test_another_number_of_them_is_refused():
    with pytest.raises(ConfigError, match="param_scheduler: 2 of them .* but 1 in the"):
        warnings([poly(), poly()], [poly()])


def test_nothing_is_said_where_only_weights_are_taken():
    assert warnings([poly(end=20)], [poly()], resume=False) == []
