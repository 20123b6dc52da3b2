"""Takes one training step with all objectives on, of which nothing stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict

from mmseg_semisup.benchmark.timing import now, peak_memory
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.optim import JointOptimWrapper
from mmseg_semisup.models.step.step import Step

from .state import optimizers_of, unchanged

SLOW = 10.0
"""Seconds from which on a step is not repeated to be timed without its first costs."""


@dataclass
class Taken:
    """The figures of a step.

    Attributes:
        losses: Name in the log to value.
        sizes: View to (N, H, W) of its images, as the networks see them.
        seconds: Duration of forward pass, backward pass and optimizers.
        megabytes: Peak memory; see :func:`peak_memory`.
        device: Where it ran.
        step: The views and outputs of a ``SemiSegmentor``; None for another model.
    """

    losses: dict[str, float]
    sizes: dict[str, tuple[int, int, int]]
    seconds: float
    megabytes: float
    device: torch.device
    step: Step | None = field(default=None, repr=False)

    @property
    def not_finite(self) -> list[str]:
        """Names and values of losses that are NaN or infinite."""
        return [
            f"{name} is {value}"
            for name, value in self.losses.items()
            if "loss" in name and not abs(value) < float("inf")
        ]


def take_step(
    model: BaseModel,
    optim_wrapper: OptimWrapper,
    batch: dict[str, Any],
    iterations: int,
) -> Taken:
    """Take a step, and restore the state from before it; all processes call this.

    Gradients are not exchanged between processes, and those that are not finite do not
    stop the step.

    Args:
        model: The model, not wrapped, on its device.
        optim_wrapper: Its optimizers.
        batch: A batch as the data loader gives it.
        iterations: Iterations of the whole training: the one that the model believes to
            be in, so that all objectives are on.

    Raises:
        ConfigError: If the memory of the GPU does not suffice.
    """
    device = next(model.parameters()).device
    training = model.training
    with unchanged(model, optim_wrapper):
        model.train()
        try:
            with peak_memory(device) as peak:
                taken = _steps(model, optim_wrapper, batch, iterations, device)
                taken.megabytes = peak()
        except torch.cuda.OutOfMemoryError as error:
            raise ConfigError(
                f"the memory of the GPU does not suffice for a step: {error}; lower "
                "train_dataloader.batch_size or the size of the crops"
            ) from error
    model.train(training)
    return taken


def _steps(
    model: BaseModel,
    optim_wrapper: OptimWrapper,
    batch: dict[str, Any],
    iterations: int,
    device: torch.device,
) -> Taken:
    _switch_on(model, iterations)
    start = now(device)
    data = model.data_preprocessor(batch, True)
    with _capture(model) as steps:
        losses = _step(model, optim_wrapper, data)
    seconds = now(device) - start
    values = {name: float(value.detach().float().mean()) for name, value in losses}
    inputs = data["inputs"]
    views = inputs if isinstance(inputs, dict) else {"": inputs}
    sizes = {n: (len(v), *v.shape[-2:]) for n, v in views.items()}
    if seconds < SLOW:
        # The first one also plans convolutions and allocates the optimizers' states.
        start = now(device)
        _step(model, optim_wrapper, model.data_preprocessor(batch, True))
        seconds = now(device) - start
    return Taken(values, sizes, seconds, 0.0, device, steps[0] if steps else None)


def _step(
    model: BaseModel, optim_wrapper: OptimWrapper, data: dict[str, Any]
) -> list[tuple[str, torch.Tensor]]:
    several = isinstance(optim_wrapper, OptimWrapperDict)
    plain = several and not isinstance(optim_wrapper, JointOptimWrapper)
    context = nullcontext() if plain else optim_wrapper.optim_context(model)
    with context:
        losses = model._run_forward(data, mode="loss")
    loss, logged = model.parse_losses(losses)
    loss.backward()
    for optimizer in optimizers_of(optim_wrapper):
        optimizer.step()
        optimizer.zero_grad()
    if hasattr(model, "follow"):
        model.follow()
    return list(logged.items())


def _switch_on(model: BaseModel, iterations: int) -> None:
    """Let the model believe that its training is almost over."""
    if hasattr(model, "_start_networks"):
        model._start_networks()
    if hasattr(model, "follow"):
        model.follow()
    if hasattr(model, "make_ready"):
        model.make_ready()
    if hasattr(model, "iteration"):
        model.iteration.value = iterations


@contextmanager
def _capture(model: BaseModel) -> Iterator[list[Step]]:
    """Collect the steps that a ``SemiSegmentor`` makes, with the networks' outputs."""
    steps: list[Step] = []
    make = getattr(model, "make_step", None)
    if make is None:
        yield steps
        return

    def make_step(*args: Any, **kwargs: Any) -> Step:
        step: Any = make(*args, **kwargs)
        # Outputs that were forgotten would be computed again, and change statistics.
        step.close = lambda: None
        steps.append(step)
        return steps[-1]

    model.make_step = make_step
    try:
        yield steps
    finally:
        del model.make_step
