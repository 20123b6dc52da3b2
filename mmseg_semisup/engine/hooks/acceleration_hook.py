"""Makes networks faster by memory layout and compilation."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from mmseg_semisup.core.text import suggest
from mmseg_semisup.engine.graphs import Graphs, compiled


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
        graphs: Whether these run as CUDA graphs, which suits networks of many small
            operations. They are compiled, and each pass of a training step is recorded
            once and replayed from then on. Where that cannot be, they run as they are,
            and the log says why: without a GPU, with several processes, and from the
            fifth shape of a network's input on.

    Raises:
        ValueError: If both ``compile`` and ``graphs`` are given, or torch does not know
            a value.
    """

    priority = "VERY_HIGH"

    def __init__(
        self,
        channels_last: bool = False,
        compile: dict[str, Any] | None = None,
        graphs: bool = False,
    ) -> None:
        if graphs and compile is not None:
            raise ValueError(
                "AccelerationHook: graphs=True compiles by itself; leave out compile="
                f"{compile}, or graphs"
            )
        flags = {"channels_last": channels_last, "graphs": graphs}
        for name, value in flags.items():
            if not isinstance(value, bool):
                raise ValueError(
                    f"AccelerationHook: {name}={value!r}; allowed: True or False"
                )
        if compile is not None:
            _check_options(compile)
        self.channels_last = channels_last
        self.compile = compile
        self.graphs = graphs
        self._graphs: Graphs | None = None

    def before_run(self, runner: Runner) -> None:
        """Change the runner's model.

        Args:
            runner: The runner.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        options = (self.channels_last, self.compile, self.graphs)
        self._graphs = accelerate(model, *options)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        """Begin an iteration of graphs."""
        if self._graphs is not None:
            self._graphs.begin()

    def before_val(self, runner: Runner) -> None:
        """Let networks run as they are, because images of a validation differ."""
        if self._graphs is not None:
            self._graphs.pause(True)

    def after_val(self, runner: Runner) -> None:
        """Go on with graphs."""
        if self._graphs is not None:
            self._graphs.pause(False)


def _check_options(options: Any) -> None:
    """Raise ValueError for arguments of ``torch.compile`` that it does not have."""
    known = [*inspect.signature(torch.compile).parameters][1:]
    if not isinstance(options, Mapping):
        raise ValueError(
            f"AccelerationHook: compile={options!r}; allowed: a dict with any of "
            f"{', '.join(known)}"
        )
    # torch imports its compiler in a second, and only if it is asked for.
    from torch._inductor import list_mode_options

    values = {
        "mode": [*list_mode_options()],
        "backend": torch.compiler.list_backends(exclude_tags=()),
    }
    for name, value in options.items():
        if name not in known:
            hint = suggest(str(name), known)
            raise ValueError(
                f"AccelerationHook: compile has no {name!r}; {hint}there are "
                f"{', '.join(known)}"
            )
        allowed = values.get(name)
        if allowed and isinstance(value, str) and value not in allowed:
            hint = suggest(value, allowed)
            raise ValueError(
                f"AccelerationHook: compile.{name}={value!r}; {hint}allowed: "
                f"{', '.join(allowed)}"
            )
    if None not in (options.get("mode"), options.get("options")):
        raise ValueError("AccelerationHook: compile has mode and options; give one")


def accelerate(
    model: nn.Module,
    channels_last: bool = False,
    compile: dict[str, Any] | None = None,
    graphs: bool = False,
) -> Graphs | None:
    """Set memory layout and compilation of a model's networks, in place.

    Args:
        model: A ``SemiSegmentor`` or a plain segmentor.
        channels_last: See :class:`AccelerationHook`.
        compile: See :class:`AccelerationHook`.
        graphs: See :class:`AccelerationHook`.

    Returns:
        What replays the networks, if they are to run as graphs.
    """
    if channels_last:
        any_model: Any = model  # torch's stubs know the argument of tensors only
        any_model.to(memory_format=torch.channels_last)
    if compile is not None:
        # Heads are not compiled: a hook reads their embedding in every step.
        for part in _compilable(model):
            # nn.Module.compile does the same, but for the code of its own.
            part._compiled_call_impl = compiled(part, **compile)
    return Graphs(list(_compilable(model))) if graphs else None


def _compilable(model: nn.Module) -> Iterator[nn.Module]:
    for name, module in model.named_modules():
        is_part = name.rpartition(".")[2] in ("backbone", "neck", "discriminator")
        if is_part and not isinstance(module, nn.ModuleList):
            yield module
