"""A resumed training does not miss a validation."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class RepeatValidationHook(Hook):
    """Repeats the validation that follows the checkpoint from which training goes on.

    It may have been cut off, and the best checkpoint and the log depend on it. A
    checkpoint that was written after its validation says so, and nothing is repeated.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self._validated = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Read whether the checkpoint knows its validation.

        Args:
            runner: The runner.
            checkpoint: What was loaded.
        """
        self._validated = bool(checkpoint.get("validated", False))

    def before_train(self, runner: Runner) -> None:
        """Validate, if that checkpoint is to be followed by a validation.

        Args:
            runner: The runner.
        """
        loop = runner.train_loop
        by_iter = isinstance(loop, IterBasedTrainLoop)
        done = runner.iter if by_iter else runner.epoch
        if not runner._resume or runner.val_loop is None or done == 0:
            return
        last = loop.max_iters if by_iter else loop.max_epochs
        due = done % loop.val_interval == 0 or done == last
        if due and done >= loop.val_begin and not self._validated:
            runner.val_loop.run()
            runner.model.train()
