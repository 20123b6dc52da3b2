"""Stops a run whose parts disagree on the ignored label before it begins."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmseg.registry import HOOKS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.ignore_values import (
    evaluation_contradictions,
    training_contradictions,
)


@HOOKS.register_module()
class IgnoreValueHook(Hook):
    """Compares ``ignore_index`` of data sets, heads, losses, metrics and padding."""

    priority = "VERY_HIGH"

    def before_run(self, runner: Runner) -> None:
        """Compare the values that this run uses.

        Raises:
            ConfigError: If some of them contradict each other; the message names these.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        found = []
        if _is_built(runner._train_loop):
            dataset = runner._train_loop.dataloader.dataset
            found += training_contradictions(dataset, model)
        loops = dict(val_dataloader=runner._val_loop, test_dataloader=runner._test_loop)
        for where, loop in loops.items():
            if _is_built(loop):
                dataset = loop.dataloader.dataset
                found += evaluation_contradictions(dataset, _metrics(loop), where)
        if found:
            raise ConfigError("; ".join(found))


def _is_built(loop: Any) -> bool:
    return isinstance(loop, BaseLoop) and hasattr(loop, "dataloader")


def _metrics(loop: BaseLoop) -> list[Any]:
    evaluators = [getattr(loop, "evaluator", None)]
    evaluators += getattr(loop, "evaluators", {}).values()
    return [metric for e in evaluators if e is not None for metric in e.metrics]
