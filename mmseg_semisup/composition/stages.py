"""Composes a method that trains in several stages."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mmseg_semisup.core.errors import ConfigError

from .assemble import compose_block, compose_model
from .block_form import WEAK
from .blocks import BASE, changed, opened, resolve_method
from .data import UNLABELED
from .facts import PlainFacts
from .length import ITERATIONS
from .rare_classes import RARE
from .record import Record

STAGES = "stages"
SUPERVISED = "supervised"
EVALUATE = "evaluate"


def compose_stages(
    plain: Mapping[str, Any],
    block: Mapping[str, Any],
    unlabeled: Any,
    labeled: Any,
    record: Record,
    weak: Any = None,
) -> dict[str, Any]:
    """Compose a config with ``stages``.

    The block names its stages: a stage has a ``method`` (default: supervised), whose
    config it changes the common one into, ``changes`` of that config, its own
    ``labeled``, ``unlabeled`` and ``weak``, and other keys of a stage. With ``base``,
    the name of a stage before it, it changes a copy of that one.

    Args:
        plain: Content of the plain config; it stays as it is.
        block: The method.
        unlabeled: See :func:`~.compose.compose`.
        labeled: See :func:`~.compose.compose`.
        record: Takes notes and origins.
        weak: See :func:`~.compose.compose`.

    Raises:
        ConfigError: If a part stands beside the stages, where none would read it, or a
            stage that only evaluates has a number of iterations.
    """
    for part, value in block.items():
        if part not in (STAGES, RARE) and value is not None:
            raise ConfigError(
                f"method.{part}={value!r:.60}: state it in the method of a stage, "
                f"method.stages.NAME.method=dict({part}=...); NAME: "
                + ", ".join(block[STAGES])
            )
    rare = {RARE: block[RARE]} if RARE in block else {}
    # The stages' pseudo-masks are made of these images.
    images = {"views": {UNLABELED: WEAK}, **rare}
    base = compose_block(plain, images, unlabeled, labeled, Record(), weak)
    common = {"unlabeled": unlabeled, "labeled": labeled, "weak": weak}
    specs: dict[str, dict[str, Any]] = {}
    stages: list[dict[str, Any]] = []
    notes: dict[str, Record] = {}
    for name, stated in block[STAGES].items():
        if stated is None:
            continue
        specs[name] = _spec(name, stated, specs)
        spec = copy.deepcopy(specs[name])
        own = {**rare, **resolve_method(spec.pop("method", SUPERVISED))}
        if spec.get("task") == EVALUATE:
            if own.get(ITERATIONS) is not None:
                raise ConfigError(
                    f"method.stages.{name}.method.{ITERATIONS}={own[ITERATIONS]!r}: "
                    f"task={EVALUATE!r} trains nothing; leave it out"
                )
            own = PlainFacts(plain, own).filled(own)
            composed = {**base, "model": compose_model(plain, own)}
        else:
            given = {key: spec.pop(key, value) for key, value in common.items()}
            notes[name] = Record()
            composed = compose_block(plain, own, record=notes[name], **given)
        changes = difference(base, changed(composed, spec.pop("changes", {})))
        stages.append({"name": name, **spec, "changes": changes})
    for name, own_notes in notes.items():
        for note in own_notes.notes:
            of_all = all(note in other.notes for other in notes.values())
            record.note(note if of_all else f"{name}: {note}")
    return {**base, "stages": stages}


def _spec(
    name: str, stated: Mapping[str, Any], before: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """A stage with what it takes from the one before it that its ``base`` names."""
    spec = copy.deepcopy(dict(stated))
    base = spec.pop(BASE, None)
    if base is None:
        return spec
    if base not in before:
        raise ConfigError(
            f"method.stages.{name}.base={base!r}; allowed: stages before it, "
            f"{sorted(before)}"
        )
    return changed(opened(before[base], spec), spec)


def difference(base: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that turn one config into another, as mmengine merges them.

    >>> difference({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"d": 3}})
    {'b': {'d': 3, '_delete_': True}}
    """
    changes: dict[str, Any] = {}
    for key, value in wanted.items():
        old = base.get(key)
        if key in base and old == value:
            continue
        if not isinstance(value, Mapping) or key not in base:
            changes[key] = copy.deepcopy(value)
        elif isinstance(old, Mapping) and old.keys() <= value.keys():
            changes[key] = difference(old, value)
        else:
            changes[key] = {**copy.deepcopy(value), "_delete_": True}
    return changes
