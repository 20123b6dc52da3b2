"""The floor of a step: a time that no implementation of the method can go below.

It consists of the forward and backward passes of the networks that one recorded step
ran, on the same inputs, each with the mean of its output as the loss. It excludes
augmentation, losses, upsampling of logits, optimizers and the teacher's update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mmseg_semisup.models.segmentors.semi_segmentor import SemiSegmentor

from .step import TrainingStep
from .timing import now

WEIGHTS, INPUTS = "weights", "inputs"


@dataclass
class NetworkPass:
    """One call of a network in a step.

    Args:
        name: Network and part, e.g. ``student.backbone``.
        module: The part.
        args: Its detached inputs; ``requires_grad`` as in the step.
        training: Whether it was in training mode.
        gradients: The gradients that backward passes computed: of its weights (and of
            inputs that require them), or of its inputs alone; empty: it only ran
            forward.
    """

    name: str
    module: nn.Module
    args: tuple[Any, ...]
    training: bool
    gradients: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Name, images and gradients, for a table."""
        first = next(_tensors(self.args))
        gradients = " and ".join(self.gradients) or "no gradient"
        return f"{self.name}, {'x'.join(map(str, first.shape))}, {gradients}"


class Floor:
    """The bare passes of a model's step.

    Args:
        step: A training step, which is run once to record the passes; weights and
            states are those after it.
    """

    def __init__(self, step: TrainingStep) -> None:
        self.model = step.model
        self.optim_wrapper = step.optim_wrapper
        self.passes = record_passes(step)
        self._runs: dict[str, Callable[[], None]] = {}
        for item in self.passes:
            title = item.title
            while title in self._runs:
                title += " (again)"
            self._runs[title] = _bare(item)
        self.times: dict[str, list[float]] = {name: [] for name in self._runs}

    def __call__(self) -> None:
        """Run all passes once, and record how long each takes."""
        device = next(self.model.parameters()).device
        with self.optim_wrapper.optim_context(self.model):
            for name, run in self._runs.items():
                start = now(device)
                run()
                self.times[name].append(now(device) - start)
        for parameter in self.model.parameters():
            parameter.grad = None


def record_passes(step: TrainingStep) -> list[NetworkPass]:
    """Record the calls of networks in one step, in their order.

    Args:
        step: A training step, which is run once.
    """
    calls: list[NetworkPass] = []
    inside_grad: list[bool] = []
    grad = torch.autograd.grad

    def watched_grad(*args: Any, **kwargs: Any) -> Any:
        inside_grad.append(True)
        try:
            return grad(*args, **kwargs)
        finally:
            inside_grad.pop()

    with ExitStack() as stack:
        for name, module in networks_of(step.model).items():
            stack.enter_context(_recording(name, module, calls, inside_grad))
        torch.autograd.grad = watched_grad
        stack.callback(setattr, torch.autograd, "grad", grad)
        step()
    return calls


def networks_of(model: SemiSegmentor) -> dict[str, nn.Module]:
    """The parts of all networks of a model whose passes make up the floor.

    Args:
        model: The model.

    Returns:
        Backbone, neck and heads of each segmentor, and the parts of the objectives that
        have weights, by ``network.part``.
    """
    owners = {name: model.network(name) for name in model.network_names}
    owners.update(model.objectives.items())
    parts: dict[str, nn.Module] = {}
    for owner, network in owners.items():
        for name, part in network.named_children():
            several = part if isinstance(part, nn.ModuleList) else [part]
            for index, module in enumerate(several):
                number = f".{index}" if len(several) > 1 else ""
                # The first network owns a backbone that several share.
                seen = any(module is part for part in parts.values())
                if not seen and any(True for _ in module.parameters()):
                    parts[f"{owner}.{name}{number}"] = module
    return parts


@contextmanager
def _recording(
    name: str, module: nn.Module, calls: list[NetworkPass], inside_grad: list[bool]
) -> Iterator[None]:
    """Record the calls of a module; mmseg calls ``forward`` directly, without hooks."""
    forward = module.forward

    def recorded(*args: Any, **kwargs: Any) -> Any:
        call = NetworkPass(name, module, _without_graph(args), module.training)
        calls.append(call)

        def note(gradient: Tensor) -> None:
            kind = INPUTS if inside_grad or not _learns(module) else WEIGHTS
            if kind not in call.gradients:
                call.gradients.append(kind)

        # A loss may read an embedding inside the module: then a gradient reaches this
        # call's inputs, but none its outputs.
        inputs = _map_tensors(args, lambda x: x.view_as(x) if x.requires_grad else x)
        outputs = forward(*inputs, **kwargs)
        for tensor in (*_tensors(inputs), *_tensors(outputs)):
            if tensor.requires_grad:
                tensor.register_hook(note)
        return outputs

    module.forward = recorded
    try:
        yield
    finally:
        del module.forward


def _bare(item: NetworkPass) -> Callable[[], None]:
    """A function that runs one pass."""

    def run() -> None:
        grad = torch.set_grad_enabled(bool(item.gradients))
        with _mode(item.module, item.training), grad:
            loss = _trivial_loss(item.module.forward(*item.args))
        leaves = [x for x in _tensors(item.args) if x.requires_grad]
        if INPUTS in item.gradients:
            both = WEIGHTS in item.gradients
            torch.autograd.grad(loss, leaves, retain_graph=both, allow_unused=True)
        if WEIGHTS in item.gradients:
            loss.backward()
        for leaf in leaves:
            leaf.grad = None

    return run


@contextmanager
def _mode(module: nn.Module, training: bool) -> Iterator[None]:
    """Set the mode of a module within a block, and restore those of its parts."""
    modes = [(part, part.training) for part in module.modules()]
    if module.training != training:
        module.train(training)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _learns(module: nn.Module) -> bool:
    return any(p.requires_grad for p in module.parameters())


def _without_graph(args: tuple[Any, ...]) -> tuple[Any, ...]:
    def copy(x: Tensor) -> Tensor:
        return x.detach().clone().requires_grad_(x.requires_grad)

    copied: tuple[Any, ...] = _map_tensors(args, copy)
    return copied


def _map_tensors(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_map_tensors(item, function) for item in value)
    return value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _trivial_loss(outputs: Any) -> Tensor:
    return torch.stack([output.float().mean() for output in _tensors(outputs)]).sum()
