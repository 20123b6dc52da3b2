"""Compares a resumed training's config with that of its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.core.fingerprint import (
    Difference,
    differences,
    fingerprint_of_rest,
)
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.sampler import SourceSampler
from mmseg_semisup.engine.data_stream import continue_stream, describe_stream
from mmseg_semisup.engine.fresh_optimizer import FreshOptimizer

FINGERPRINT = "fingerprint"
STREAM = "data_stream"
ACCEPT = "--accept-changes"
OPTIMIZER = "optimizer"
"""Value of the option: optimizers and schedules are the config's, too."""
OPTIMIZER_PARTS = ("optimizer", "paramwise_cfg", "constructor")
"""Keys within ``optim_wrapper`` whose values an optimizer's state holds."""
MOST = 20


@HOOKS.register_module()
class ResumedConfigHook(Hook):
    """Stops a resume under another config, or says whose value counts.

    A checkpoint holds a fingerprint: what the rest of the training depends on in its
    config, the number of processes and of each source's images; and which samples of
    the data it has seen. Where batches, processes or the ratio of sources change, the
    stream goes on behind those.

    Args:
        accept: None: every difference is an error. 'changes': training goes on; the
            checkpoint's values count for optimizers, schedules and the seed, those of
            the config for all else. 'optimizer': the config's count for optimizers and
            schedules, too.
    """

    def __init__(self, accept: str | None = None) -> None:
        self.accept = accept
        self._fresh: FreshOptimizer | None = None

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Add the fingerprint, and the position in the data.

        Args:
            runner: The runner.
            checkpoint: The checkpoint to be saved.
        """
        checkpoint[FINGERPRINT] = _fingerprint(runner)
        stream = describe_stream(runner.train_dataloader, checkpoint["meta"])
        if stream is not None:
            checkpoint[STREAM] = stream

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the fingerprints, and find the position in the data.

        Args:
            runner: The runner, whose parts are built.
            checkpoint: The loaded checkpoint.

        Raises:
            ConfigError: If they differ, and nobody accepts that; or nothing is left to
                train.
            CheckpointError: If the checkpoint's position in the data has another form.
        """
        if not runner._resume:
            return
        name = str(runner.cfg.get("load_from") or "the checkpoint")
        then, now = checkpoint.get(FINGERPRINT), _fingerprint(runner)
        if isinstance(then, dict):
            self._compare(runner, name, [*differences(_keys(then), _keys(now))])
        else:
            runner.logger.warning(
                f"{name} does not say with which config it was trained: only weights, "
                "optimizers and schedules are compared"
            )
        self._check_steps(runner, name, checkpoint["meta"])
        if checkpoint.get(STREAM) is not None:
            try:
                loader = runner.train_dataloader
                continue_stream(loader, checkpoint["meta"], checkpoint[STREAM])
            except (KeyError, TypeError, ValueError) as error:
                raise CheckpointError(
                    f"{name}: its {STREAM} is no position in the data: {error!r:.80}"
                ) from error
        if self.accept == OPTIMIZER:
            self._fresh = FreshOptimizer(runner)
            # MMEngine would load their state over the config's.
            checkpoint.pop("param_schedulers", None)

    def before_train(self, runner: Runner) -> None:
        """Give optimizers and schedules the config's values, if told to.

        Args:
            runner: The runner, with the checkpoint's state.
        """
        if self._fresh is not None:
            self._fresh.apply(runner)
            self._fresh = None

    def _compare(self, runner: Runner, name: str, found: Sequence[Difference]) -> None:
        if found and self.accept is None:
            raise ConfigError(
                f"--resume: {name} was trained with another config: "
                f"{shorten([*map(str, found)], MOST)}. Undo the changes, or go on with "
                f"{ACCEPT}"
            )
        for difference in found:
            whose = self._whose(difference.key)
            runner.logger.warning(f"{difference}: {whose}")

    def _whose(self, key: str) -> str:
        """Whose value counts, of a key that differs."""
        parts = key.split(".")
        if parts[:2] == ["randomness", "seed"]:
            return "the checkpoint's value counts"
        of_state = parts[0] == "optim_wrapper" and set(parts) & {*OPTIMIZER_PARTS}
        if of_state or parts[0] == "param_scheduler":
            if self.accept == OPTIMIZER:
                return "the config's value counts"
            return (
                "the checkpoint's value counts; that of the config with "
                f"{ACCEPT} {OPTIMIZER}"
            )
        return "the config's value counts"

    @staticmethod
    def _check_steps(runner: Runner, name: str, meta: Mapping[str, Any]) -> None:
        loop: Any = runner.train_loop
        by_iter = isinstance(loop, IterBasedTrainLoop)
        key, unit = ("max_iters", "iter") if by_iter else ("max_epochs", "epoch")
        done, last = meta[unit], getattr(loop, f"_{key}", None)
        if not isinstance(last, int) or done < last:
            return
        if done > last:
            raise ConfigError(
                f"train_cfg.{key}={last}, but {name} is of {done}: nothing is left to "
                "train"
            )
        runner.logger.warning(
            f"{name} is of train_cfg.{key}={last}: nothing is left to train"
        )


def _keys(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """A fingerprint whose keys are those of the config, and those beside it."""
    rest = {key: value for key, value in fingerprint.items() if key != "config"}
    config = fingerprint.get("config")
    return {**(config if isinstance(config, dict) else {}), **rest}


def _fingerprint(runner: Runner) -> dict[str, Any]:
    content = runner.cfg._cfg_dict.to_dict()
    sampler = runner.train_dataloader.sampler
    found = {
        "config": fingerprint_of_rest(content, str(runner.work_dir)),
        "processes": get_world_size(),
    }
    if isinstance(sampler, SourceSampler):
        found["images"] = dict(sampler.sizes)
    return found
