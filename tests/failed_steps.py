"""Steps of tiny methods that fail, and the files that they leave behind."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dist import get_rank, get_world_size
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmseg.registry import HOOKS, MODELS
from tiny_methods import method_batch, method_config, optimizers_of
from torch import Tensor, nn

from mmseg_semisup.engine.failed_step import FAILED_STEP
from mmseg_semisup.engine.nonfinite import NumbersError
from mmseg_semisup.models import Objective, Step


def fail(
    folder: Path,
    method: str | dict,
    spoil: Callable[[nn.Module, list[dict]], None],
    precision: str = "float32",
    passes: int = 1,
    lowest_scale: float = 2.0**-6,
) -> tuple[Path, str]:
    """Take steps of a method until one fails.

    Args:
        folder: The work-dir.
        method: Name or config of the model.
        spoil: Changes the model and the batches of the second step.
        precision: Of the optimizers.
        passes: Batches of each step.
        lowest_scale: Of ``NumbersHook``.

    Returns:
        The file of the step, and what the training said.
    """
    cfg = method_config(method) if isinstance(method, str) else method
    model = MODELS.build(copy.deepcopy(cfg)).train()
    settings = optimizers_of(model, precision)
    wrapper = build_optim_wrapper(model, {**settings, "accumulative_counts": passes})
    several = get_world_size() > 1
    runner = SimpleNamespace(
        model=MMDistributedDataParallel(model) if several else model,
        optim_wrapper=wrapper,
        cfg=Config({"model": cfg, "default_scope": "mmseg"}),
        work_dir=str(folder),
        message_hub=MessageHub.get_current_instance(),
        hooks=[],
        iter=0,
    )
    runner.message_hub.update_info("max_iters", 10)
    hook = HOOKS.build({"type": "NumbersHook", "lowest_scale": lowest_scale})
    hook.before_train(runner)
    first = 100 * get_rank()
    batches = [method_batch(first + seed) for seed in range(2 * passes)]

    def train(numbers: range) -> None:
        for runner.iter in numbers:
            data = batches[runner.iter]
            hook.before_train_iter(runner, runner.iter, data)
            runner.model.train_step(data, wrapper)

    train(range(passes))
    model.follow()
    spoil(model, batches[passes:])
    with pytest.raises(NumbersError) as caught:
        train(range(passes, 2 * passes))
    return folder / FAILED_STEP, str(caught.value)


class RootObjective(Objective):
    """The root of zero: a finite loss with an infinite slope, on the first bias."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(3))
        self.broken = False

    def forward(self, step: Step) -> dict[str, Tensor]:
        """A loss without trouble until ``broken`` is set."""
        zeros = self.bias * 0
        return {"loss": zeros.sqrt().sum() if self.broken else zeros.sum()}


def broken_root(model: nn.Module, batches: list[dict]) -> None:
    """Let the gradient of a :class:`RootObjective` be NaN."""
    model.objectives["root"].broken = True


def with_root(method: str) -> dict:
    """A method with a :class:`RootObjective`, whose type is a dotted path."""
    cfg = method_config(method)
    objectives = cfg["objectives"]
    root = {"type": "failed_steps.RootObjective"}
    return {**cfg, "objectives": [*objectives, root]}
