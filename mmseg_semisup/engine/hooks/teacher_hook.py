"""Moves teachers and snapshots after each step of the student."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class TeacherUpdateHook(Hook):
    """Updates the networks that follow the student, once after each optimizer step."""

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Update the networks, unless gradients still accumulate."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        if hasattr(model, "follow") and runner.optim_wrapper.should_update():
            model.follow()
