"""Runs networks as CUDA graphs, or says in one line why they run as they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from torch import Tensor, nn

OPTIONS: dict[str, Any] = {"mode": "reduce-overhead", "dynamic": False}
"""Arguments of ``torch.compile`` that make it record and replay CUDA graphs."""
MOST_SHAPES = 4
"""Shapes of a network's input for which there are graphs; each needs memory, and with
gradients and without they are the eight versions that torch compiles of one code."""
_NUMBERS = itertools.count()


class Graphs:
    """Networks whose training passes are recorded once and then replayed.

    A replayed pass starts hundreds of kernels with one call of the host. There is a
    graph for each shape of the input; from the fifth shape of a network on, all
    networks run as they are.

    Args:
        parts: Networks.
    """

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        self._reason = ""
        self._on = True
        reason = reason_against(parts)
        if reason:
            self.stop(reason)
            return
        for part in parts:
            # nn.Module.compile does the same, and a copy of the module forgets it.
            part._compiled_call_impl = _Replayed(part, self)

    @property
    def are_used(self) -> bool:
        """Whether the networks run as graphs at the moment."""
        return self._on and not self._reason

    def begin(self) -> None:
        """Begin an iteration: what graphs computed in the last one may be replaced."""
        if self.are_used:
            torch.compiler.cudagraph_mark_step_begin()

    def pause(self, paused: bool) -> None:
        """Let the networks run as they are, e.g. in a validation, or as graphs again.

        Args:
            paused: Whether to run them as they are.
        """
        self._on = not paused

    def stop(self, reason: str) -> None:
        """Let the networks run as they are from now on, and log why.

        Args:
            reason: A clause.
        """
        if not self._reason:
            print_log(f"No CUDA graphs: {reason}", logger="current")
        self._reason = reason


class _Replayed:
    """Calls of a network, compiled as long as its graphs are used."""

    def __init__(self, part: nn.Module, graphs: Graphs) -> None:
        self._plain = part._call_impl
        self._compiled = compiled(part, **OPTIONS)
        self._name = type(part).__name__
        self._graphs = graphs
        self._shapes: set[tuple[torch.Size, ...]] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._graphs.are_used:
            self._shapes.add(tuple(x.shape for x in args if isinstance(x, Tensor)))
            if len(self._shapes) > MOST_SHAPES:
                self._graphs.stop(
                    f"{self._name} gets images of more than {MOST_SHAPES} sizes; crop "
                    "them in the pipelines"
                )
        run = self._compiled if self._graphs.are_used else self._plain
        return run(*args, **kwargs)


def compiled(part: nn.Module, **options: Any) -> Callable[..., Any]:
    """Calls of a network, compiled, for ``nn.Module.__call__``.

    torch compiles eight versions of a code, and then runs it as it is. With
    ``nn.Module.compile`` all networks share one code; here each has its own.

    Args:
        part: The network.
        **options: Arguments of :func:`torch.compile`.
    """
    plain: Any = part._call_impl

    def run(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs)

    name = f"call_{type(part).__name__}_{next(_NUMBERS)}"
    run.__code__ = run.__code__.replace(co_name=name)
    calls: Callable[..., Any] = torch.compile(run, **options)
    return calls


def reason_against(parts: Sequence[nn.Module]) -> str:
    """Why networks cannot run as CUDA graphs; empty if they can.

    Args:
        parts: Networks.
    """
    devices = sorted({p.device.type for part in parts for p in part.parameters()})
    if devices != ["cuda"]:
        return f"the networks are on the {' and '.join(devices) or 'host'}"
    if get_world_size() > 1:
        return f"there are {get_world_size()} processes, and graphs are for one"
    return ""
