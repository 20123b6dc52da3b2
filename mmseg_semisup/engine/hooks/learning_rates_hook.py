"""Logs the learning rate of each group of parameters."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.engine.optim import JointOptimWrapper
from mmseg_semisup.engine.param_groups import group_names, regrouped_schedule


@HOOKS.register_module()
class LearningRatesHook(Hook):
    """Logs the learning rate of each group of parameters, and resumes old schedules.

    MMEngine logs the rate of an optimizer's first group. The others are logged as
    ``segmentor.lr/backbone`` beside it, if an optimizer has several rates. Schedules of
    checkpoints from before groups were merged hold one value a parameter.
    """

    # Before ResumedScheduleHook compares the schedules.
    priority = "HIGH"

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Give the checkpoint's schedules one value a group.

        Args:
            runner: The runner, with its optimizers.
            checkpoint: The loaded checkpoint; changed in place.
        """
        wrapper = runner.optim_wrapper
        schedules = checkpoint.get("param_schedulers")
        if not isinstance(wrapper, JointOptimWrapper) or not isinstance(
            schedules, dict
        ):
            return
        for name, grouping in wrapper.groupings.items():
            states = schedules.get(name, [])
            schedules[name] = [regrouped_schedule(one, grouping) for one in states]

    def before_train(self, runner: Runner) -> None:
        """Name the groups of optimizers that have several learning rates."""
        self.names: dict[str, list[str]] = {}
        wrapper: Any = runner.optim_wrapper
        if not isinstance(wrapper, JointOptimWrapper):
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        names = {id(p): name for name, p in model.named_parameters()}
        for key, one in wrapper.items():
            rates = {group["lr"] for group in one.optimizer.param_groups}
            if len(rates) > 1:
                self.names[key] = group_names(one.optimizer, names)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        """Log the learning rates."""
        for key, names in self.names.items():
            groups = runner.optim_wrapper[key].optimizer.param_groups
            for name, group in zip(names, groups, strict=True):
                tag = f"train/{key}.lr/{name}"
                runner.message_hub.update_scalar(tag, group["lr"])
