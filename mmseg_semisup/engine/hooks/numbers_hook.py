"""Records losses and images, so that the message of a NaN names its source."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn
from torch.utils.hooks import RemovableHandle

from mmseg_semisup.engine.failed_step import StepRecorder
from mmseg_semisup.engine.optim import JointOptimWrapper
from mmseg_semisup.models.training_facts import LABELED, LENGTH

from .checkpoint_hook import AtomicCheckpointHook


@HOOKS.register_module()
class NumbersHook(Hook):
    """Names the loss and the images when a loss or gradient is NaN or infinite.

    ``JointOptimWrapper`` detects it and stops the step; this hook reads nothing from
    the device before that. Where it can, the check is deferred to the next step, a
    validation or a checkpoint, so that the host does not wait for the device. The step
    can then be replayed from a file in the work-dir, see
    :class:`~mmseg_semisup.engine.failed_step.StepRecorder`.

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
        self._handles: list[RemovableHandle] = []

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
        # MMEngine's own hook saves before all processes know of a mistake.
        runner.optim_wrapper.deferred = all(
            isinstance(hook, AtomicCheckpointHook) for hook in _checkpoint_hooks(runner)
        )
        watch.names = {id(p): name for name, p in model.named_parameters()}

        def listen(module: nn.Module, inputs: Any, outputs: Any) -> None:
            if module.training:
                watch.note_losses(outputs)

        def facts() -> dict[str, Any]:
            hub = runner.message_hub
            found = {key: hub.get_info(key, None) for key in (LENGTH, LABELED)}
            return {"precision": runner.optim_wrapper.precision, **found}

        content = runner.cfg._cfg_dict.to_dict()
        watch.recorder = StepRecorder(model, content, runner.work_dir, facts)
        self._handles = [
            model.register_forward_hook(listen),
            watch.recorder.listen(),
        ]

    def after_train(self, runner: Runner) -> None:
        """Stop recording the losses, and read the check of the last step.

        Raises:
            NumbersError: If a loss or gradient of that step was not finite.
        """
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        _settle(runner)

    def before_val(self, runner: Runner) -> None:
        """Read the check of the last step before its weights are validated.

        Raises:
            NumbersError: If a loss or gradient of that step was not finite.
        """
        _settle(runner)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        """Record the images until the optimizers have stepped."""
        if not isinstance(runner.optim_wrapper, JointOptimWrapper):
            return
        watch = runner.optim_wrapper.watch
        watch.iteration = runner.iter + 1
        hooks = _checkpoint_hooks(runner)
        watch.checkpoint = next((h.last_ckpt for h in hooks if h.last_ckpt), "")
        watch.note_batch(data_batch)


def _checkpoint_hooks(runner: Runner) -> list[CheckpointHook]:
    return [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]


def _settle(runner: Runner) -> None:
    if isinstance(runner.optim_wrapper, JointOptimWrapper):
        runner.optim_wrapper.settle()
