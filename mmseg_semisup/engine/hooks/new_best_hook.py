"""Tells a model of validations that are the best so far."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models.network_names import STUDENT

KEY = "new_best_score"
"""Entry of the message hub, which checkpoints hold."""


@HOOKS.register_module()
class NewBestHook(Hook):
    """Calls ``model.improve`` after each validation that is the best so far.

    Snapshots with ``every='best'`` then copy the student. They depend on the masks of
    the validation data, so that the score of the training on these is no longer one of
    images whose masks nothing has used.

    Args:
        metric: Name of the score; more is better. If several networks are validated, it
            is that of the student.
    """

    def __init__(self, metric: str = "mIoU") -> None:
        self.metric = metric

    def before_train(self, runner: Runner) -> None:
        """Check that there are validations.

        Raises:
            ConfigError: If there is none.
        """
        if runner.val_loop is None:
            raise ConfigError(
                "NewBestHook chooses snapshots by validations, but there are none; "
                "add val_dataloader, val_evaluator and val_cfg, or let the snapshots "
                "count steps (every='step')"
            )

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Compare the score with the best one so far.

        Raises:
            ConfigError: If the validation has no such score.
        """
        found = metrics or {}
        score: Any = found.get(self.metric, found.get(f"{STUDENT}/{self.metric}"))
        if score is None:
            raise ConfigError(
                f"NewBestHook.metric={self.metric!r}, but the validation has "
                f"{sorted(found)}"
            )
        best = runner.message_hub.get_info(KEY, -float("inf"))
        if score > best:
            runner.message_hub.update_info(KEY, float(score))
            model = runner.model
            model = model.module if is_model_wrapper(model) else model
            model.improve()
