"""Records losses and images, so that the message of a NaN names its source."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from mmseg_semisup.engine.optim import JointOptimWrapper


@HOOKS.register_module()
class NumbersHook(Hook):
    """Names the loss and the images when a loss or gradient is NaN or infinite.

    ``JointOptimWrapper`` detects it and stops the step; this hook reads nothing from
    the device before that.

    Args:
        lowest_scale: With float16, gradients that are not finite mean that the loss
            scale is too large: the step is skipped, and the scale halved. Below this
            scale they mean a mistake.

    Raises:
        ValueError: If the scale is not positive.
    """

    priority = "VERY_HIGH"

    def __init__(self, lowest_scale: float = 2.0**-6) -> None:
        if lowest_scale <= 0:
            raise ValueError(
                f"NumbersHook: lowest_scale={lowest_scale}; allowed: over 0"
            )
        self.lowest_scale = lowest_scale

    def before_train(self, runner: Runner) -> None:
        """Store the names of the parameters, and record the losses from now on."""
        if not isinstance(runner.optim_wrapper, JointOptimWrapper):
            runner.logger.warning(
                "Losses that are NaN do not stop this training: its optimizers are "
                f"a {type(runner.optim_wrapper).__name__}; set "
                "optim_wrapper.constructor='JointOptimWrapperConstructor'"
            )
            return
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        watch = runner.optim_wrapper.watch
        watch.lowest_scale = self.lowest_scale
        watch.names = {id(p): name for name, p in model.named_parameters()}

        def listen(module: nn.Module, inputs: Any, outputs: Any) -> None:
            if module.training:
                watch.note_losses(outputs)

        self._handle = model.register_forward_hook(listen)

    def after_train(self, runner: Runner) -> None:
        """Stop recording the losses."""
        if hasattr(self, "_handle"):
            self._handle.remove()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        """Record the images until the optimizers have stepped."""
        if not isinstance(runner.optim_wrapper, JointOptimWrapper):
            return
        watch = runner.optim_wrapper.watch
        watch.iteration = runner.iter + 1
        hooks = [h for h in runner.hooks if isinstance(h, CheckpointHook)]
        watch.checkpoint = next((h.last_ckpt for h in hooks if h.last_ckpt), "")
        watch.note_batch(data_batch)
