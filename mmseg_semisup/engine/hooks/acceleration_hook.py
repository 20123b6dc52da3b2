"""Makes networks faster by memory layout and compilation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn


@HOOKS.register_module()
class AccelerationHook(Hook):
    """Sets memory layout and compilation of the networks; their results stay the same.

    Names and values of the weights do not change, so checkpoints with and without this
    hook can be exchanged. Mixed precision is an option of the optimizers.

    Args:
        channels_last: Whether the weights of convolutions are stored with the channels
            last, which tensor cores and many CPU kernels prefer.
        compile: Arguments of :func:`torch.compile`, e.g. ``dict(mode='default')``, for
            the backbones, necks and discriminators; None: they are not compiled.
    """

    priority = "VERY_HIGH"

    def __init__(
        self, channels_last: bool = False, compile: dict[str, Any] | None = None
    ) -> None:
        self.channels_last = channels_last
        self.compile = compile

    def before_run(self, runner: Runner) -> None:
        """Change the runner's model.

        Args:
            runner: The runner.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        accelerate(model, self.channels_last, self.compile)


def accelerate(
    model: nn.Module,
    channels_last: bool = False,
    compile: dict[str, Any] | None = None,
) -> None:
    """Set memory layout and compilation of a model's networks, in place.

    Args:
        model: A ``SemiSegmentor`` or a plain segmentor.
        channels_last: See :class:`AccelerationHook`.
        compile: See :class:`AccelerationHook`.
    """
    if channels_last:
        any_model: Any = model  # torch's stubs know the argument of tensors only
        any_model.to(memory_format=torch.channels_last)
    if compile is not None:
        # Heads are not compiled: a hook reads their embedding in every step.
        for part in _compilable(model):
            part.compile(**compile)


def _compilable(model: nn.Module) -> Iterator[nn.Module]:
    for name, module in model.named_modules():
        is_part = name.rpartition(".")[2] in ("backbone", "neck", "discriminator")
        if is_part and not isinstance(module, nn.ModuleList):
            yield module
