"""Forgets logged figures that nobody reads any more."""

from __future__ import annotations

import math
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from mmseg.registry import HOOKS

IN_MEMORY = 1000
"""Least number of values of a figure that a training keeps in memory."""


@HOOKS.register_module()
class HistoryHook(Hook):
    """Keeps the last values of each logged figure, in memory and in checkpoints.

    MMEngine keeps up to a million of each, copies them in every iteration, and writes
    them all into every checkpoint. What the log averages over stays: the windows of the
    log processor, and ``history_length`` of other hooks. With a window of 'global',
    everything stays.
    """

    # After the hook that puts the figures into the checkpoint.
    priority = "VERY_LOW"

    def before_train(self, runner: Runner) -> None:
        """Find the longest window that the log or a hook reads."""
        processor = runner.log_processor
        windows = [processor.window_size]
        windows += [cfg.get("window_size", 0) for cfg in processor.custom_cfg]
        lengths = [getattr(hook, "history_length", 0) for hook in runner.hooks]
        # A window of an epoch begins anew with each, as a resumed training does.
        numbers = [size for size in windows if isinstance(size, int)]
        self.length = math.inf if "global" in windows else max(*numbers, *lengths)
        self.in_memory = max(self.length, IN_MEMORY, len(runner.train_dataloader))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Forget old values now and then."""
        if self.every_n_train_iters(runner, IN_MEMORY):
            for buffer in runner.message_hub.log_scalars.values():
                shorten(buffer, self.in_memory)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Leave old values out of a checkpoint."""
        if hasattr(self, "length"):
            for buffer in checkpoint["message_hub"]["log_scalars"].values():
                shorten(buffer, self.length)


def shorten(buffer: HistoryBuffer, length: float) -> None:
    """Forget all but the last values of a history.

    Args:
        buffer: The history; changed in place.
        length: Greatest number of values; infinite: all stay.
    """
    values, counts = buffer.data
    if len(values) > length:
        start = -int(length)
        buffer._log_history = values[start:].copy()
        buffer._count_history = counts[start:].copy()
