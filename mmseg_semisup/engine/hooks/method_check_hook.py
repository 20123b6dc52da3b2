"""Stops a training of which a part would never take effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models.segmentors.networks import BEST, Snapshot

from .new_best_hook import NewBestHook
from .teacher_hook import TeacherUpdateHook


@HOOKS.register_module()
class MethodCheckHook(Hook):
    """Refuses starts that are never reached, and teachers that nothing moves.

    A second average of the whole model (``EMAHook``) beside a teacher is refused, too:
    it would average the teacher, and change the student for each validation.
    """

    priority = "VERY_HIGH"

    def before_train(self, runner: Runner) -> None:
        """Check the model against the length of the training and its hooks.

        Raises:
            ConfigError: If a part would have no effect; the message names it.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        following = networks_that_follow(model)
        moved = any(isinstance(hook, TeacherUpdateHook) for hook in runner.hooks)
        if following and not moved:
            raise ConfigError(
                f"nothing moves model.{following[0]}: it would keep its first weights; "
                "add dict(type='TeacherUpdateHook') to custom_hooks"
            )
        if following and any(isinstance(hook, EMAHook) for hook in runner.hooks):
            raise ConfigError(
                f"custom_hooks has EMAHook, but model.{following[0]} is the moving "
                "average already, which EMAHook would average again: remove EMAHook, "
                "and validate the teacher with model.test_cfg.predict_with='teacher' "
                "or val_cfg.type='TeacherStudentValLoop'"
            )
        told = any(isinstance(hook, NewBestHook) for hook in runner.hooks)
        _check_snapshots(model, runner.max_iters, told)
        late = [
            f"{where}={start}"
            for where, start in starts(model)
            if isinstance(start, int) and start >= runner.max_iters
        ]
        if late:
            raise ConfigError(
                f"{' and '.join(late)}: never reached in {runner.max_iters} iterations "
                "(train_cfg.max_iters), so that nothing would be learnt from it; "
                "allowed: less, or a share of the training, e.g. 0.25"
            )


def _check_snapshots(model: nn.Module, length: int, told: bool) -> None:
    """Raise ConfigError for snapshots of which none is ever taken.

    Args:
        model: A model, not wrapped.
        length: Iterations of the training.
        told: Whether a hook tells it of the best validations.
    """
    networks: Any = dict(getattr(model, "networks", None) or {})
    parts = {n: part for n, part in networks.items() if isinstance(part, Snapshot)}
    chosen = [name for name, part in parts.items() if part.every == BEST]
    if chosen and not told:
        raise ConfigError(
            f"model.networks.{chosen[0]}.every='best', but nothing tells of the best "
            "validation; add dict(type='NewBestHook') to custom_hooks"
        )
    firsts = {n: part.first for n, part in parts.items() if n not in chosen}
    if firsts and min(firsts.values()) >= length and not chosen:
        name = min(firsts, key=lambda name: firsts[name])
        raise ConfigError(
            f"model.networks.{name} is first taken after {firsts[name]} steps, but the "
            f"training has {length} (train_cfg.max_iters); give interval and offset as "
            "shares of the training, e.g. 0.025"
        )


def networks_that_follow(model: nn.Module) -> list[str]:
    """Paths of the teacher and the further networks that no gradient trains.

    Args:
        model: A model, not wrapped.
    """
    found = [] if getattr(model, "teacher", None) is None else ["teacher"]
    networks: Any = getattr(model, "networks", None) or {}
    return found + [f"networks.{n}" for n, part in networks.items() if not part.learns]


def starts(model: nn.Module) -> Iterator[tuple[str, float]]:
    """The times from which on parts of a model count, with their paths.

    Args:
        model: A model, not wrapped. Parts with a weight of 0 are left out.

    Yields:
        Path, and iterations (int) or a share of the training (float).
    """
    for path, module in model.named_modules():
        start = getattr(module, "start", None)
        weight = getattr(module, "weight", None)
        if isinstance(weight, (int, float)) and weight == 0:
            continue
        if isinstance(start, Mapping):
            weights = getattr(module, "weights", {})
            for name, time in start.items():
                if weights.get(name, 1):
                    yield f"model.{path}.start.{name}", time
        elif isinstance(start, (int, float)):
            yield f"model.{path}.start", start
