"""Keeps what each training step begins with, and writes it to a file if it fails.

The file holds the batches, the random states and the model from before the step; the
tool ``tools/replay.py`` repeats the step from it. Until a step fails, batches are
referred to, and only buffers, counters and states of random generators are copied.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.dist import (
    all_gather_object,
    broadcast_object_list,
    get_world_size,
    is_main_process,
)
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import WriteError

from .plain_values import LONGEST, to_plain
from .process_buffers import gather_differing
from .random_state import State, random_state
from .shared_tensors import share_tensors

FAILED_STEP = "failed_step.pth"
"""Name of the file in the work-dir; a later failure replaces it."""
FORMAT = 1
NUMBERS = (bool, int, float)


class Pass(NamedTuple):
    """One forward and backward pass; a step with accumulated gradients has several.

    Attributes:
        batch: As the data loader gave it.
        generators: State of the random generators before the pass.
    """

    batch: Any
    generators: State


class BufferCopies:
    """Copies of buffers, into the same memory again and again.

    Args:
        owners: Name in the ``state_dict``, module and name there, of each buffer.
    """

    def __init__(self, owners: Sequence[tuple[str, nn.Module, str]]) -> None:
        self._owners = owners
        self._sources: list[Tensor | None] = []
        self._groups: list[tuple[list[Tensor], list[Tensor]]] = []
        self.values: dict[str, Tensor] = {}

    @torch.no_grad()
    def refresh(self) -> None:
        """Copy the buffers as they are now."""
        sources = [module._buffers[name] for _, module, name in self._owners]
        same = len(sources) == len(self._sources)
        if same and all(a is b for a, b in zip(sources, self._sources, strict=True)):
            for copies, originals in self._groups:
                torch._foreach_copy_(copies, originals)
            return
        self._sources = sources
        groups = defaultdict(list)
        self.values.clear()
        for (key, _, _), source in zip(self._owners, sources, strict=True):
            if source is not None:
                self.values[key] = source.clone()
                groups[source.dtype, source.device].append((self.values[key], source))
        self._groups = [
            (list(copies), list(originals))
            for copies, originals in (zip(*g, strict=True) for g in groups.values())
        ]


@dataclass
class StepStart:
    """What a step begins with.

    Attributes:
        passes: Its passes so far.
        copies: The buffers from before the first pass; None: there was none yet.
        counters: Name of each counter in the ``state_dict`` to its value from then.
    """

    passes: list[Pass] = field(default_factory=list)
    copies: BufferCopies | None = None
    counters: dict[str, Tensor] = field(default_factory=dict)

    @property
    def buffers(self) -> dict[str, Tensor]:
        """All that a forward pass changes: name in the ``state_dict`` to value."""
        copied = {} if self.copies is None else self.copies.values
        return {**copied, **self.counters}


class StepRecorder:
    """Records the beginnings of a model's steps.

    Args:
        model: The model, not wrapped.
        config: The config of the training.
        folder: Its work-dir.
        facts: Gives plain values of the training that the step depends on.
    """

    def __init__(
        self,
        model: nn.Module,
        config: Mapping[str, Any],
        folder: str | Path,
        facts: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.model = model
        self.config = config
        self.path = Path(folder, FAILED_STEP)
        self.facts = facts
        self.current = StepStart()
        self._spare: list[BufferCopies] = []
        modules = list(model.named_modules(remove_duplicate=False))
        self._owners = [
            (f"{path}.{name}" if path else name, module, name)
            for path, module in modules
            for name in module._buffers
            if name not in module._non_persistent_buffers_set
        ]
        self._counters = [
            (f"{path}._extra_state" if path else "_extra_state", module)
            for path, module in modules
            if type(module).get_extra_state is not nn.Module.get_extra_state
        ]

    def listen(self) -> RemovableHandle:
        """Record from now on; returns the handle that ends it."""
        preprocessor: Any = self.model.data_preprocessor
        return preprocessor.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        data, training = (*args, *kwargs.values(), False)[:2]
        if not training:
            return
        generators = random_state()
        if not self.current.passes:
            self._keep_buffers()
        self.current.passes.append(Pass(data, generators))

    def _keep_buffers(self) -> None:
        copies = self._spare.pop() if self._spare else BufferCopies(self._owners)
        copies.refresh()
        states = ((key, module.get_extra_state()) for key, module in self._counters)
        counters = {key: state for key, state in states if isinstance(state, Tensor)}
        self.current.copies = copies
        self.current.counters = counters

    def take(self) -> StepStart:
        """The beginning of the current step; the next pass begins another one."""
        taken, self.current = self.current, StepStart()
        return taken

    def drop(self, start: StepStart) -> None:
        """Forget the beginning of a step that has succeeded."""
        if start.copies is not None:
            self._spare.append(start.copies)

    def write(self, start: StepStart, step: Mapping[str, Any]) -> str:
        """Write the file of a step; all processes call this.

        Parameters are those that the model has now: no optimizer may have moved.

        Args:
            start: The beginning of the step.
            step: Further plain values of it.

        Returns:
            A sentence about the file, or the reason why there is none; the same in all
            processes. The main one writes it.
        """
        own = {
            "passes": [
                {"batch": to_plain(one.batch), "generators": one.generators}
                for one in start.passes
            ],
        }
        differing = gather_differing(start.buffers)
        several = get_world_size() > 1
        processes = all_gather_object(own) if several else [own]
        for process, buffers in zip(processes, differing or [{}], strict=True):
            process["buffers"] = buffers
        said = [self._write(start, step, processes) if is_main_process() else ""]
        broadcast_object_list(said)
        return said[0]

    def _write(
        self, start: StepStart, step: Mapping[str, Any], processes: list[Any]
    ) -> str:
        state = {
            name: value.detach().cpu()
            for name, value in {**self.model.state_dict(), **start.buffers}.items()
        }
        share_tensors(state, self.model)
        content = {
            "failed_step": FORMAT,
            **to_plain({**self.facts(), **step}),
            "device": str(next(self.model.parameters()).device),
            "torch": str(torch.__version__),
            "config": to_plain(self.config),
            "state_dict": state,
            "attributes": _attributes(self.model),
            "processes": processes,
        }
        stream = io.BytesIO()
        torch.save(content, stream)
        size = stream.getbuffer().nbytes / 1e6
        try:
            atomic_write(self.path, stream.getvalue())
        except WriteError as error:
            return f"The step cannot be replayed: {error}."
        return (
            f"`tools/replay.py {self.path}` repeats the step and shows where it goes "
            f"wrong; the file has {size:.1f} MB."
        )


def _attributes(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Path of each module to its attributes that are numbers, such as its mode."""
    return {
        path: {
            name: value
            for name, value in vars(module).items()
            if type(value) in NUMBERS and abs(value) < LONGEST
        }
        for path, module in model.named_modules()
    }
