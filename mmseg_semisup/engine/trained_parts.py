"""Assigns a model's parameters to optimizers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine.optim import DefaultOptimWrapperConstructor
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmseg_semisup.core.config_types import resolve

REST = "objectives"
"""Optimizer of unclaimed parameters, where the segmentor has one of its own."""
RULES = ("constructor", "paramwise_cfg")


class TrainedPart(NamedTuple):
    """The parameters of one optimizer.

    Attributes:
        name: Name of the optimizer in checkpoints and logs.
        module: The module that holds the parameters.
        cfg: Config of mmengine's ``OptimWrapper``.
    """

    name: str
    module: nn.Module
    cfg: dict[str, Any]


def divide(model: nn.Module, parts: Mapping[str, dict[str, Any]]) -> list[TrainedPart]:
    """Assign every trainable parameter to one optimizer.

    A key claims the submodules that have its name, ``segmentor`` all the rest. A
    constructor that reads names of parameters, such as one with layer decay, is written
    for a plain segmentor: it gets each network by itself. The rest of the objectives'
    networks then has an optimizer of its own, without rules for parameters.

    Args:
        model: Any model, not wrapped.
        parts: Key to config, with the key ``segmentor``.

    Raises:
        ValueError: If a key's name is that of no trainable submodule.
    """
    claims = {name: claim(model, name) for name in parts if name != "segmentor"}
    for name, modules in claims.items():
        if not modules:
            raise ValueError(
                f"optim_wrapper.{name}: the model has no trainable submodule of "
                f"that name; found {sorted(_trainable_names(model))}"
            )
    left_out = {id(m) for modules in claims.values() for m in modules}
    left_out.add(id(getattr(model, "teacher", None)))
    networks = dict(getattr(model, "networks", None) or {})
    left_out.update(id(m) for m in networks.values() if not _trains(m))
    objectives = getattr(model, "objectives", None)
    for objective in objectives.children() if objectives is not None else ():
        # Averages of the objectives' networks, about which mmengine would warn.
        left_out.update(id(m) for m in objective.children() if not _trains(m))
    divided: list[TrainedPart] = []
    for name, cfg in parts.items():
        if name == "segmentor":
            divided += _segmentor_parts(model, networks, cfg, left_out)
        else:
            alone = len(claims[name]) == 1 and reads_names(cfg)
            module = plain(claims[name][0]) if alone else nn.ModuleList(claims[name])
            divided.append(TrainedPart(name, module, cfg))
    return divided


def reads_names(cfg: Mapping[str, Any]) -> bool:
    """Whether an optimizer's constructor is not mmengine's default one.

    Args:
        cfg: Config of an ``OptimWrapper``.
    """
    kind = resolve(cfg.get("constructor"), OPTIM_WRAPPER_CONSTRUCTORS)
    return kind not in (None, DefaultOptimWrapperConstructor)


def claim(model: nn.Module, name: str) -> list[nn.Module]:
    """Trainable submodules called ``name``, at any depth."""
    return [
        module
        for path, module in model.named_modules()
        if path.rpartition(".")[2] == name and _trains(module)
    ]


def _segmentor_parts(
    model: nn.Module,
    networks: Mapping[str, nn.Module],
    cfg: dict[str, Any],
    left_out: set[int],
) -> Iterator[TrainedPart]:
    network_of: Any = getattr(model, "network", None)
    student = model if network_of is None else network_of("student")
    if student is model or not reads_names(cfg):
        yield TrainedPart("segmentor", without(model, left_out), cfg)
        return
    alone = {"segmentor": student, **networks}
    for name, network in alone.items():
        if id(network) not in left_out:
            inside = {id(m) for m in network.modules()}
            part = without(network, left_out) if inside & left_out else network
            yield TrainedPart(name, plain(part), cfg)
    rest = without(model, left_out | {id(network) for network in alone.values()})
    if _trains(rest):
        without_rules = {k: v for k, v in cfg.items() if k not in RULES}
        yield TrainedPart(REST, rest, without_rules)


def plain(network: nn.Module) -> nn.Module:
    """The segmentor within a named network, or the module itself."""
    inner = getattr(network, "network", None)
    return inner if isinstance(inner, nn.Module) else network


def without(module: nn.Module, left_out: set[int]) -> nn.Module:
    """A view of a module without some submodules; it shares parameters and names."""
    view = copy.copy(module)
    view._modules = {
        name: without(child, left_out)
        for name, child in module._modules.items()
        if child is not None and id(child) not in left_out
    }
    return view


def _trains(module: nn.Module) -> bool:
    return any(p.requires_grad for p in module.parameters())


def _trainable_names(model: nn.Module) -> set[str]:
    """Names of the direct parts of the objectives, and of the model."""
    objectives = getattr(model, "objectives", None) or []
    objectives = objectives.values() if hasattr(objectives, "values") else objectives
    return {n for part in [model, *objectives] for n, _ in part.named_children()}
