"""Warns when the config has other schedules than the resumed training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.errors import ConfigError

from .resumed_config_hook import FINGERPRINT

# Values that change during a training are left out.
FIXED = (
    "begin",
    "end",
    "by_epoch",
    "base_values",
    "power",
    "gamma",
    "milestones",
    "step_size",
    "factor",
    "start_factor",
    "end_factor",
    "eta_min",
    "eta_min_ratio",
    "T_max",
)


@HOOKS.register_module()
class ResumedScheduleHook(Hook):
    """Warns where the config's schedules differ from those of the checkpoint.

    MMEngine restores the schedules, learning rates included, whatever the config says.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the schedules.

        Args:
            runner: The runner, with its schedules.
            checkpoint: The loaded checkpoint.

        Raises:
            ConfigError: If there are more of them, or fewer.
        """
        if not runner._resume:
            return
        present = runner.param_schedulers or []
        now: Any
        if isinstance(present, dict):
            now = {name: _states(group) for name, group in present.items()}
        else:
            now = _states(present)
        then = checkpoint.get("param_schedulers", now)
        for place, config, kept in _differences("param_scheduler", now, then):
            # The fingerprint has told it, and which key of the config it is.
            if FINGERPRINT in checkpoint:
                continue
            runner.logger.warning(
                f"{place}: {config} in the config, but the training that is resumed "
                f"has {kept} and keeps it. To change it, say --accept-changes optimizer"
            )


def _states(schedulers: Sequence[Any]) -> list[dict[str, Any]]:
    return [scheduler.state_dict() for scheduler in schedulers]


def _differences(place: str, now: Any, then: Any) -> Iterator[tuple[str, Any, Any]]:
    """Place, value of the config and value of the checkpoint, where they differ."""
    if isinstance(now, dict) and isinstance(then, dict):
        for name in sorted(now.keys() & then.keys()):
            yield from _differences(f"{place}.{name}", now[name], then[name])
        return
    if type(now) is not type(then) or len(now) != len(then):
        # MMEngine would load the first ones.
        raise ConfigError(
            f"{place}: {len(now)} of them in the config, but {len(then)} in the "
            "checkpoint; --accept-changes optimizer takes those of the config"
        )
    for i, (mine, theirs) in enumerate(zip(now, then, strict=True)):
        for key in FIXED:
            if key in mine and key in theirs and mine[key] != theirs[key]:
                yield f"{place}[{i}].{key}", mine[key], theirs[key]
