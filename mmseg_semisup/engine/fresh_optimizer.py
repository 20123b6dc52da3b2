"""Gives the optimizers of a resumed training the settings of its config."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from typing import Any

from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner


class FreshOptimizer:
    """Settings of optimizers that have no checkpoint's state yet.

    Args:
        runner: The runner, with optimizers and schedules that have not stepped.
    """

    def __init__(self, runner: Runner) -> None:
        self._groups = [
            copy.deepcopy({k: v for k, v in group.items() if k != "params"})
            for group in _groups(runner)
        ]

    def apply(self, runner: Runner) -> None:
        """Put them back, and let the schedules catch up with the training.

        Args:
            runner: The runner, whose optimizers have a checkpoint's state, and whose
                schedules have none.
        """
        for group, fresh in zip(_groups(runner), self._groups, strict=True):
            group.update(copy.deepcopy(fresh))
        schedules = [*_schedules(runner.param_schedulers)]
        with warnings.catch_warnings():
            # Schedules that step before their optimizers warn.
            warnings.simplefilter("ignore")
            for by_epoch, steps in ((False, runner.iter), (True, runner.epoch)):
                chosen = [s for s in schedules if s.by_epoch == by_epoch]
                for _ in range(steps):
                    for schedule in chosen:
                        schedule.step()


def _groups(runner: Runner) -> Iterator[dict[str, Any]]:
    wrapper: Any = runner.optim_wrapper
    several = isinstance(wrapper, OptimWrapperDict)
    for one in wrapper.values() if several else [wrapper]:
        yield from one.optimizer.param_groups


def _schedules(schedulers: Any) -> Iterator[Any]:
    """All schedules of a runner, which has a list of them, or one a name."""
    groups = schedulers.values() if isinstance(schedulers, dict) else [schedulers]
    for group in groups:
        yield from group or ()
