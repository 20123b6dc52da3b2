"""Parameters and buffers of a network, found without a walk over it in each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from weakref import WeakKeyDictionary

from torch import Tensor, nn


class Members(NamedTuple):
    """The tensors of a network, each once, in the order of its own methods.

    Attributes:
        parameters: Those of ``network.parameters()``.
        buffers: Those of ``network.buffers()``.
    """

    parameters: list[Tensor]
    buffers: list[Tensor]


class _Walk(NamedTuple):
    """What a walk over a network found.

    Attributes:
        below: The modules below it, each once.
        children: The children of the network and of these, in turn.
    """

    below: list[nn.Module]
    children: list[nn.Module | None]


_WALKS: WeakKeyDictionary[nn.Module, _Walk] = WeakKeyDictionary()


def members_of(network: nn.Module) -> Members:
    """Parameters and buffers of a network.

    They are read from its modules each time, so that replaced tensors and modules are
    noticed.

    Args:
        network: The network.
    """
    walk = _WALKS.get(network)
    if walk is None or _children(network, walk.below) != walk.children:
        below = list(network.modules())[1:]
        walk = _WALKS[network] = _Walk(below, _children(network, below))
    modules = [network, *walk.below]
    return Members(
        _each_once(module._parameters for module in modules),
        _each_once(module._buffers for module in modules),
    )


def _children(network: nn.Module, below: list[nn.Module]) -> list[nn.Module | None]:
    return [c for module in (network, *below) for c in module._modules.values()]


def _each_once(tensors: Iterable[Mapping[str, Tensor | None]]) -> list[Tensor]:
    every = (value for part in tensors for value in part.values())
    return list({id(value): value for value in every if value is not None}.values())
