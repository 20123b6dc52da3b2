"""Saves a checkpoint when a signal stops a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmseg_semisup.engine.optim import step_is_complete
from mmseg_semisup.engine.preemption import (
    PreemptedError,
    protect_workers,
    requests,
)


@HOOKS.register_module()
class PreemptionHook(Hook):
    """After SIGTERM, SIGUSR1 or Ctrl-C, all processes save and stop after one step.

    After each training step and each batch of a validation, the processes exchange
    whether one of them received a signal, through the host: no device waits for it.
    While gradients accumulate, they go on until the optimizers have stepped. A training
    in epochs can only be resumed from the end of one, and stops without a new
    checkpoint.

    Raises:
        PreemptedError: In all processes after the same step; its exit code asks for a
            restart.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self._trains = False
        self._installed = False
        self._group: dist.ProcessGroup | None = None
        self._checked_batches = 0
        self._resumed: Path | None = None

    def before_run(self, runner: Runner) -> None:
        """Let workers ignore the signals."""
        for loop in (runner._train_loop, runner._val_loop):
            if hasattr(loop, "dataloader"):
                protect_workers(loop.dataloader)

    def before_train(self, runner: Runner) -> None:
        """Defer signals from now on."""
        self._trains = True
        self._installed = requests.install()
        requests.deferred = True
        if runner._resume and runner._load_from:
            self._resumed = Path(runner._load_from).resolve()
        if get_world_size() > 1 and dist.get_backend() != "gloo":
            self._group = dist.new_group(backend="gloo")

    def after_train(self, runner: Runner) -> None:
        """Let signals end the process at once again."""
        self._trains = requests.deferred = False
        if self._installed:
            requests.uninstall()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Stop if one of the processes received a signal.

        Raises:
            PreemptedError: See the class.
        """
        if step_is_complete(runner.optim_wrapper):
            self._leave_if_told(runner, runner.iter + 1)

    def before_val(self, runner: Runner) -> None:
        """Find the number of batches that all processes have."""
        if self._trains:
            # Further batches are not checked, because not all processes have them.
            self._checked_batches = -self._largest(-len(runner.val_loop.dataloader))

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: object = None,
    ) -> None:
        """Stop if one of the processes received a signal.

        Raises:
            PreemptedError: See the class.
        """
        if self._trains and batch_idx < self._checked_batches:
            self._leave_if_told(runner, runner.iter)

    def _leave_if_told(self, runner: Runner, step: int) -> None:
        number = self._largest(requests.number)
        if number:
            saved = self._save(runner, step)
            message = f"stopped after iteration {step}, {saved}; --resume goes on there"
            runner.logger.warning(message)
            raise PreemptedError(number, message, together=True)

    def _save(self, runner: Runner, step: int) -> str:
        """Save a checkpoint unless there is one of this step; return a description."""
        hooks = [h for h in runner.hooks if isinstance(h, CheckpointHook)]
        hook = next((h for h in hooks if not h.by_epoch), None)
        if hook is None or not isinstance(runner.train_loop, IterBasedTrainLoop):
            return "without a new checkpoint, as it trains in epochs"
        name = hook.filename_tmpl.format(step)
        # A resumed checkpoint in another folder is saved again.
        present = (self._resumed, Path(hook.last_ckpt or "").resolve())
        if Path(hook.out_dir, name).resolve() not in present:
            meta = dict(epoch=runner.epoch, iter=step)
            hook._save_checkpoint_with_step(runner, step, meta)
        return f"with its checkpoint {name}"

    def _largest(self, number: int) -> int:
        """The largest number of all processes; all of them call this."""
        if get_world_size() == 1:
            return number
        numbers = torch.tensor([number])
        dist.all_reduce(numbers, dist.ReduceOp.MAX, group=self._group)
        return int(numbers)
