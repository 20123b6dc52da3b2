"""Logs losses without waiting for the device in every step."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor


@HOOKS.register_module()
class DeferredInfoHook(RuntimeInfoHook):
    """MMEngine's ``RuntimeInfoHook``, reading the losses once a line of the log.

    The original reads each loss with ``.item()`` in each step, and every such call
    waits for the device. Here they stay on the device until the logger, a validation or
    a checkpoint needs them; the recorded history is the same.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        super().__init__()
        self._pending: list[dict[str, Tensor]] = []
        self._interval = 1

    def before_train(self, runner: Runner) -> None:
        """Follow the interval of the logger."""
        super().before_train(runner)
        loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self._interval = loggers[0].interval if loggers else 1

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        """Keep the figures of this step; read all back when the logger is due."""
        if outputs:
            self._pending.append({k: v.detach() for k, v in outputs.items()})
        due = self.every_n_inner_iters(batch_idx, self._interval)
        last = runner.iter + 1 >= runner.max_iters
        # The logger also writes a line at the end of each pass over the images.
        if due or last or self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._flush(runner)

    def before_val(self, runner: Runner) -> None:
        """Read back all figures before metrics are recorded."""
        self._flush(runner)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Read back all figures, because the checkpoint stores the history."""
        self._flush(runner)
        checkpoint["message_hub"] = runner.message_hub.state_dict()

    def _flush(self, runner: Runner) -> None:
        steps, self._pending = self._pending, []
        if not steps:
            return
        values = torch.stack(
            [v.float().mean() for step in steps for v in step.values()]
        )
        names = [name for step in steps for name in step]
        for name, value in zip(names, values.tolist(), strict=True):
            runner.message_hub.update_scalar(f"train/{name}", value)
