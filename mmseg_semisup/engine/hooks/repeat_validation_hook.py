"""Repeats a validation that the resumed checkpoint does not know."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class RepeatValidationHook(Hook):
    """Repeats the validation at the iteration of the resumed checkpoint.

    It may have been cut off, and the best checkpoint and the log depend on it. A
    checkpoint that was written after its validation is marked, and nothing is repeated.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self._validated = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Read whether the checkpoint was written after its validation.

        Args:
            runner: The runner.
            checkpoint: The loaded checkpoint.
        """
        self._validated = bool(checkpoint.get("validated", False))

    def before_train(self, runner: Runner) -> None:
        """Validate, if a validation is due at the iteration of the checkpoint.

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
            # A best score is saved with the numbers that the cut-off validation had.
            runner.message_hub.update_info("iter", runner.iter - 1)
            if not by_iter:
                runner.message_hub.update_info("epoch", runner.epoch - 1)
            runner.val_loop.run()
            runner.model.train()
