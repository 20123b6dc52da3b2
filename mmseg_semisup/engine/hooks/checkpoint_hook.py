"""Checkpoints that a full disk or a killed process cannot destroy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_semisup.compat import start_data
from mmseg_semisup.core.atomic_io import (
    AtomicLocalBackend,
    atomic_write,
    check_replaceable,
    remove_partial_files,
)
from mmseg_semisup.core.text import shorten
from mmseg_semisup.engine.optim import (
    JointOptimWrapper,
    step_is_complete,
    steps_end_with_epochs,
)
from mmseg_semisup.engine.process_buffers import (
    gather_own_buffers,
    restore_own_buffers,
)
from mmseg_semisup.engine.random_state import (
    State,
    gather_random_states,
    random_state,
    restore_random_states,
    set_random_state,
)
from mmseg_semisup.engine.shared_tensors import share_tensors

PASSING = "passing_checkpoints"
"""Key of the steps whose checkpoints make way for the next one."""


class _DeferredRemoval(AtomicLocalBackend):
    """A file backend that delays removals until after the next save."""

    def __init__(self) -> None:
        self.outdated: list[str] = []

    def remove(self, filepath: str | Path) -> None:
        self.outdated.append(str(filepath))

    def rmtree(self, dir_path: str | Path) -> None:
        raise ValueError(f"a checkpoint is a file, and {dir_path} a folder: it stays")


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's checkpoint hook that first writes the new file, then removes the old.

    It takes the arguments of :class:`mmengine.hooks.CheckpointHook`. A checkpoint on a
    local disk appears under its name only when it is complete, ``last_checkpoint``
    follows it, and only then are outdated checkpoints removed. When a save fails, all
    earlier files are still there, and training stops with an ``OSError`` that names the
    file and the free space.

    A checkpoint also holds the state of the random generators of every process, and a
    validation restores them afterwards, so that a resumed training draws the same
    numbers as an uninterrupted one. It holds the seed of the data's order, the buffers
    that differ between processes, and whether the validation after it is done. While
    gradients accumulate, a checkpoint waits for the optimizer step.

    ``max_keep_ckpts`` counts the checkpoints of the schedule. That of an interruption,
    or of a best score between two of them, is there in addition until the next one is
    written.
    """

    backend_args: dict[str, Any] | None
    file_backend: Any
    _random_states: list[State] | None = None
    _own_buffers: list[dict[str, Tensor]] | None = None
    _resumed_states: list[State] | None = None
    _resumed_data_seed: int | None = None
    _state_before_val: State | None = None
    _validated = False
    _postponed = False
    _scheduled = False
    _passing: Sequence[int] = ()

    def before_train(self, runner: Runner) -> None:
        """Choose the atomic backend for local folders and clean up leftovers.

        Args:
            runner: The runner of the training process.

        Raises:
            ValueError: If epochs end while gradients accumulate.
            WriteError: If a folder, a pipe or a device has the name of a checkpoint
                that will be written.
        """
        folder = str(self.out_dir or runner.work_dir)
        if self.backend_args is None and "://" not in folder:
            self.backend_args = dict(backend="atomic_local")
        info = runner.message_hub.runtime_info
        if "keep_ckpt_ids" in info:
            # MMEngine removes the files of these names.
            info["keep_ckpt_ids"] = _numbers(info["keep_ckpt_ids"])
        super().before_train(runner)
        if self.by_epoch and not steps_end_with_epochs(
            runner.optim_wrapper, len(runner.train_dataloader)
        ):
            raise ValueError(
                "default_hooks.checkpoint.by_epoch=True, but "
                f"{len(runner.train_dataloader)} iterations an epoch are no multiple "
                "of optim_wrapper.accumulative_counts, so gradients would be lost with "
                "each resume; count iterations: by_epoch=False"
            )
        self._confine(runner)
        if isinstance(self.file_backend, AtomicLocalBackend):
            # MMEngine would remove an old file before it writes the new one.
            self.file_backend = _DeferredRemoval()
            self._check_names(runner)
            if is_main_process():
                remove_partial_files(self.out_dir)
                remove_partial_files(runner.work_dir)
                self._sweep(runner)
        if runner._resume:
            # A best score of the validation that is repeated is saved in it again.
            self.last_ckpt = runner._load_from
        if self._resumed_data_seed is not None:
            sampler: Any = getattr(runner.train_dataloader, "sampler", None)
            if hasattr(sampler, "seed"):
                sampler.seed = self._resumed_data_seed
        start_data(runner.train_loop)

    def _check_names(self, runner: Runner) -> None:
        done, last = runner.iter, runner.max_iters
        if self.by_epoch:
            done, last = runner.epoch, runner.max_epochs
        name = re.compile(re.escape(self.filename_tmpl).replace(r"\{\}", r"(\d+)"))
        for path in Path(self.out_dir).glob("*"):
            match = name.fullmatch(path.name)
            step = int(match.group(1)) if match else 0
            scheduled = self.interval > 0 and step % self.interval == 0
            if done < step <= last and (scheduled or step == last):
                check_replaceable(path)

    def _sweep(self, runner: Runner) -> None:
        """Remove checkpoints that the resumed one replaced before a kill."""
        resumed = runner.epoch if self.by_epoch else runner.iter
        steps = set(self._passing) - {resumed, *getattr(self, "keep_ckpt_ids", ())}
        best = {Path(str(path)).name for path in self._best_paths()}
        for step in steps:
            path = Path(self.out_dir, self.filename_tmpl.format(step))
            if path.name not in best:
                path.unlink(missing_ok=True)

    def _best_paths(self) -> list[Any]:
        named = getattr(self, "best_ckpt_path_dict", {}).values()
        return [getattr(self, "best_ckpt_path", None), *named]

    def _confine(self, runner: Runner) -> None:
        """Forget best checkpoints outside of the folder; MMEngine would remove them."""
        info = runner.message_hub.runtime_info
        for key in [key for key in info if key.startswith("best_ckpt")]:
            named = Path(str(info[key]))
            own = Path(self.out_dir) / named.name
            if own.is_file():
                info[key] = str(own)
                continue
            del info[key]
            if named.exists():
                runner.logger.warning(
                    f"The checkpoint says that the best one is {named}, which is not "
                    f"in {self.out_dir}; that stays as it is."
                )
        if hasattr(self, "best_ckpt_path"):
            self.best_ckpt_path = info.get("best_ckpt")
        for key in getattr(self, "best_ckpt_path_dict", ()):
            self.best_ckpt_path_dict[key] = info.get(f"best_ckpt_{key}")

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        """Set the random generators in the first iteration after a resume.

        Not earlier, because a new iterator of the data draws a number.

        Args:
            runner: The runner.
            batch_idx: Number of the iteration.
            data_batch: The batch.
        """
        states, self._resumed_states = self._resumed_states, None
        if states is not None:
            restore_random_states(states)

    def before_val(self, runner: Runner) -> None:
        """Store the state of the random generators.

        Args:
            runner: The runner.
        """
        if self._resumed_states is not None:
            restore_random_states(self._resumed_states)
        self._state_before_val = random_state()

    def after_val(self, runner: Runner) -> None:
        """Restore the state of the random generators from before the validation.

        Args:
            runner: The runner.
        """
        if self._state_before_val is not None:
            set_random_state(self._state_before_val)
            self._state_before_val = None

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Save if it is due, or as soon as the optimizers have stepped.

        Args:
            runner: The runner.
            batch_idx: Number of the iteration.
            data_batch: The batch.
            outputs: The losses.
        """
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if self._postponed:
            self._save_checkpoint(runner)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Add random states, buffers of processes and the state of the validation.

        A tensor that networks share is in the file once.

        Args:
            runner: The runner.
            checkpoint: The checkpoint to be saved.
        """
        model: Any = runner.model
        model = model.module if is_model_wrapper(model) else model
        share_tensors(checkpoint["state_dict"], model)
        if self._random_states is not None:
            checkpoint["random_states"] = self._random_states
            checkpoint["process_buffers"] = self._own_buffers
        sampler = getattr(runner.train_dataloader, "sampler", None)
        checkpoint["data_seed"] = getattr(sampler, "seed", None)
        checkpoint["validated"] = self._validated
        if self._passing:
            checkpoint[PASSING] = list(self._passing)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Restore this process's buffers, and keep its random state for later.

        Args:
            runner: The runner.
            checkpoint: The loaded checkpoint.
        """
        if runner._resume:
            self._resumed_states = checkpoint.get("random_states")
            self._resumed_data_seed = checkpoint.get("data_seed")
            self._passing = _numbers(checkpoint.get(PASSING) or ())
            buffers = checkpoint.get("process_buffers") or []
            restore_own_buffers(checkpoint["state_dict"], buffers)

    def _save_checkpoint(self, runner: Runner) -> None:
        # The file holds no gradients.
        self._postponed = not step_is_complete(runner.optim_wrapper)
        if self._postponed:
            return
        self._scheduled = True
        try:
            super()._save_checkpoint(runner)
        finally:
            self._scheduled = False

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        if isinstance(runner.optim_wrapper, JointOptimWrapper):
            # Before anything is noted or written of a step that went wrong.
            runner.optim_wrapper.settle()
        dropped = self._remember(runner, step)
        self._gather_states(runner)
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            pointer = Path(runner.work_dir) / "last_checkpoint"
            atomic_write(pointer, os.fsencode(self.last_ckpt))
            for old in dropped:
                path = self.file_backend.join_path(
                    self.out_dir, self.filename_tmpl.format(old)
                )
                if self.file_backend.isfile(path):
                    self.file_backend.remove(path)
            self._remove_outdated()
        self._passing = [n for n in self._passing if n not in dropped]

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        wanted = set(self.key_indicators if self.save_best else ()) - {"auto"}
        if not wanted <= metrics.keys():
            # MMEngine would end the training with a KeyError.
            runner.logger.warning(
                "default_hooks.checkpoint.save_best: no validation measures "
                f"{shorten(sorted(wanted - metrics.keys()))}, so no best checkpoint is "
                f"kept; it measures {shorten(sorted(metrics), 8)}"
            )
            return
        self._validated = True
        self._gather_states(runner)
        super()._save_best_checkpoint(runner, metrics)
        self._validated = False
        self._remove_outdated()

    def _gather_states(self, runner: Runner) -> None:
        # The state of the best checkpoint is that from before the validation.
        state = self._state_before_val or random_state()
        self._random_states = gather_random_states(state)
        self._own_buffers = gather_own_buffers(runner.model)

    def _remember(self, runner: Runner, step: int) -> list[int]:
        """Note the checkpoint of a step, so that the checkpoint itself knows it.

        Returns:
            The steps whose checkpoints are to be removed after the save.
        """
        if self.max_keep_ckpts <= 0 or step in self.keep_ckpt_ids:
            return []
        dropped = [n for n in self._passing if n != step]
        if self._scheduled:
            dropped += [*self.keep_ckpt_ids, step][: -self.max_keep_ckpts]
            self.keep_ckpt_ids.append(step)
            kept = list(self.keep_ckpt_ids)
            runner.message_hub.update_info("keep_ckpt_ids", kept)
        # The new checkpoint knows those to be dropped, too: the process may be killed
        # before it has removed them.
        self._passing = dropped if self._scheduled else [*dropped, step]
        return dropped

    def _remove_outdated(self) -> None:
        if not isinstance(self.file_backend, _DeferredRemoval):
            return
        current = {self.last_ckpt, getattr(self, "best_ckpt_path", None)}
        current.update(getattr(self, "best_ckpt_path_dict", {}).values())
        for path in self.file_backend.outdated:
            if path not in current:
                Path(path).unlink(missing_ok=True)
        self.file_backend.outdated.clear()


def _numbers(values: Iterable[Any]) -> list[int]:
    """The numbers among the values of a checkpoint, which name files to remove."""
    return [value for value in values if isinstance(value, int)]
