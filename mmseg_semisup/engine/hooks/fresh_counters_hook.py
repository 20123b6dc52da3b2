"""Resets the counters of a training that starts from another one's weights."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.models.counter import Counter

from .architecture_hook import adapt_names


@HOOKS.register_module()
class FreshCountersHook(Hook):
    """Sets the counters in a ``load_from`` checkpoint to 0.

    Otherwise starts and ramps of objectives would be over, a teacher would never copy
    the student, and a memory bank would hold features of another network. A resumed
    training keeps its counters.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Set the counters to 0 before they are loaded.

        Args:
            runner: The runner, with its model.
            checkpoint: The loaded checkpoint: a state dict, or a dict with one.
        """
        if runner._resume:
            return
        state = checkpoint.get("state_dict", checkpoint)
        adapt_names(runner.model, state)
        model = runner.model
        while is_model_wrapper(model):
            model = model.module
        for name, module in model.named_modules():
            key = f"{name}._extra_state"
            if isinstance(module, Counter) and key in state:
                state[key] = torch.tensor(0)
