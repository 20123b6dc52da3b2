"""Times of validations that predict several images at once."""

from __future__ import annotations

import time
from typing import Any

from mmengine.hooks import IterTimerHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..loops import EqualSizes, Window


@HOOKS.register_module()
class WindowTimerHook(IterTimerHook):
    """MMEngine's timer, for loops that predict several batches and then hand them on.

    Each of these batches takes an equal share of what their prediction took, and of the
    wait for their data. Other loops are timed as by MMEngine.
    """

    t: float
    _share = 0.0

    def _before_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        mode: str = "train",
    ) -> None:
        window = _window(runner, mode)
        if window is None:
            super()._before_iter(runner, batch_idx, data_batch, mode)
        else:
            wait = window.waited / window.size
            runner.message_hub.update_scalar(f"{mode}/data_time", wait)

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
        mode: str = "train",
    ) -> None:
        window = _window(runner, mode)
        if window is not None:
            passed = time.time() - self.t
            if batch_idx == window.first:
                passed = self._share = passed / window.size
            else:
                passed += self._share
            # MMEngine measures from here, and states the time left.
            self.t = time.time() - passed
        super()._after_iter(runner, batch_idx, data_batch, outputs, mode)


def _window(runner: Runner, mode: str) -> Window | None:
    """What is predicted at once; None: a loop that does not do so."""
    loop = getattr(runner, f"{mode}_loop")
    return loop.window if isinstance(loop, EqualSizes) else None
