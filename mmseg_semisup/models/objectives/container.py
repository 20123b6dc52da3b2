"""The objectives of a model, by name and in order."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import ModuleDict
from mmseg.registry import MODELS

from mmseg_semisup.core.config_types import type_of
from mmseg_semisup.core.mistakes import unknown_type
from mmseg_semisup.core.text import suggest

from ..build import build_part
from ..step.facts import Facts, hand_down, hand_to_policies
from ..step.step import Step
from .base import Objective, default_name

RESERVED = ("labeled", "discriminator")


class Objectives(ModuleDict):
    """Objectives by name, in the order in which a step runs them.

    ``objectives["consistency"]`` and ``objectives[0]`` both return an objective. Older
    states, whose keys are positions, are loaded in that order.

    Args:
        configs: Name to config, see :func:`named_configs`.
        facts: Facts of the segmentor, which complete the configs.

    Raises:
        ValueError: If a config names no objective, or contradicts a fact.
    """

    def __init__(self, configs: Mapping[str, Mapping[str, Any]], facts: Facts) -> None:
        super().__init__()
        for name, cfg in configs.items():
            where = f"objectives.{name}"
            if "type" not in cfg:
                # The likely cause is a leaf that misspells an inherited objective.
                close = difflib.get_close_matches(name, [*configs.keys() - {name}], n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{where} has no type, inherited or its own{hint}")
            cls = registered_class(cfg, where)
            if not issubclass(cls, Objective):
                raise ValueError(f"{where}: {cls.__name__} is no objective")
            part = hand_down(cfg, cls.takes, facts, where, cls.may_exceed)
            part = hand_to_policies(part, facts, where)
            objective: Objective = build_part(MODELS, part, where)
            objective.name = name
            self._check_lessons(objective)
            self[name] = objective

    def _check_lessons(self, objective: Objective) -> None:
        """Raise ValueError if an objective follows none of the objectives before it."""
        teaching = [name for name, other in self.items() if other.teaches]
        for name in objective.follows:
            if name not in teaching:
                raise ValueError(
                    f"objectives.{objective.name} takes the lesson of {name!r}; "
                    f"{suggest(name, teaching)}allowed: an objective before it that "
                    f"learns from labels: {teaching}"
                )

    def check_weights(self) -> None:
        """Raise ValueError if an objective has no single weight to be averaged by."""
        for name, objective in self.items():
            kind = type(objective)
            if kind.weight_in is Objective.weight_in:
                raise ValueError(
                    f"objectives.{name} ({kind.__name__}) has no single weight, which "
                    "average_losses=True needs"
                )

    def weight_in(self, step: Step) -> float:
        """Sum of the weights of all objectives in a step."""
        return sum(objective.weight_in(step) or 0.0 for objective in self.values())

    def __getitem__(self, key: str | int) -> Any:
        """An objective by name, or by its position in the order of a step."""
        if isinstance(key, int):
            return list(self.values())[key]
        return super().__getitem__(key)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        self.rename_positions(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def rename_positions(self, state_dict: dict[str, Any], prefix: str) -> None:
        """Replace the positions of objectives in keys by their names.

        Args:
            state_dict: Changed in place.
            prefix: Prefix of the position, e.g. ``objectives.``.

        Raises:
            ValueError: If an entry does not fit the objective at its position.
        """
        names = list(self.keys())
        for key in [k for k in state_dict if k.startswith(prefix)]:
            position, dot, rest = key[len(prefix) :].partition(".")
            if not (dot and position.isdigit()):
                continue
            at = int(position)
            if at >= len(names) or rest not in self[at].state_dict():
                there = f"{names[at]!r} at {at}" if at < len(names) else "none there"
                raise ValueError(
                    f"the checkpoint keys objectives by position and has {rest!r} at "
                    f"{at}, but the config's objectives are {names}, {there}; put "
                    "`objectives` into the order of the training that wrote it"
                )
            state_dict[f"{prefix}{names[at]}.{rest}"] = state_dict.pop(key)


def named_configs(
    objectives: Mapping[str, Mapping[str, Any] | None] | Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Convert a dict or a list of configs to a dict.

    Args:
        objectives: Name to config, where None removes an inherited objective; or a
            list, whose items are named by ``name``, or else by their type, with numbers
            from the second of a type on: ``adversarial``, ``adversarial_2``.

    Returns:
        Name to config, without ``name``.

    Raises:
        ValueError: If a name is taken twice or not allowed.
    """
    if isinstance(objectives, Mapping):
        pairs = [(k, dict(v)) for k, v in objectives.items() if v is not None]
    else:
        pairs = _named_by_type(objectives)
    named: dict[str, dict[str, Any]] = {}
    for name, cfg in pairs:
        if name in named:
            raise ValueError(
                f"objectives: two have the name {name!r}; names must differ"
            )
        check_name(name, "objectives", RESERVED)
        named[name] = cfg
    return named


def check_name(name: str, where: str, reserved: Sequence[str]) -> None:
    """Refuse a name that the log or a container of modules uses otherwise.

    Args:
        name: Name of an objective or of a network.
        where: Key of the config, for the message.
        reserved: Names that are not allowed.

    Raises:
        ValueError: If the name is not allowed.
    """
    taken = name in reserved or hasattr(ModuleDict, name)
    if not name.isidentifier() or "loss" in name or taken:
        raise ValueError(
            f"{where}: the name {name!r} is not allowed: a name is an identifier "
            f"without 'loss' in it, none of {tuple(reserved)}, and no attribute of "
            "torch.nn.ModuleDict"
        )


def _named_by_type(
    objectives: Sequence[Mapping[str, Any]],
) -> list[tuple[str, dict[str, Any]]]:
    pairs: list[tuple[str, dict[str, Any]]] = []
    counts: dict[str, int] = {}
    for index, item in enumerate(objectives):
        cfg = dict(item)
        name = cfg.pop("name", None)
        if name is None:
            stem = default_name(registered_class(cfg, f"objectives[{index}]"))
            counts[stem] = counts.get(stem, 0) + 1
            name = stem if counts[stem] == 1 else f"{stem}_{counts[stem]}"
        pairs.append((name, cfg))
    return pairs


def registered_class(cfg: Mapping[str, Any], where: str) -> type:
    """The class in the ``type`` of a config: a string, a scoped string or the class.

    Raises:
        ValueError: If it is in no registry.
    """
    cls = type_of(cfg, MODELS)
    if not isinstance(cls, type):
        kind = str(cfg.get("type"))
        raise ValueError(f"{where}: {unknown_type(kind, MODELS.name)}")
    return cls
