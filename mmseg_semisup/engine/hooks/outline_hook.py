"""Logs what a training is going to do."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.engine.outline import outline


@HOOKS.register_module()
class OutlineHook(Hook):
    """Logs :func:`~mmseg_semisup.engine.outline.outline` before anything else."""

    priority = "HIGHEST"

    def before_train(self, runner: Runner) -> None:
        """Log the outline."""
        runner.logger.info(outline(runner))
