"""The part of a config that a training's result depends on, and what changed in it.

It consists of plain values, for JSON and for checkpoints.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from .config import RUNNER_KEYS

NO_MATTER = {
    "custom_imports",
    "env_cfg",
    "experiment_name",
    "launcher",
    "log_level",
    "log_processor",
    "model_wrapper_cfg",
    "resume",
    "test_cfg",
    "test_dataloader",
    "test_evaluator",
    "tta_model",
    "visualizer",
    "work_dir",
}
"""Top-level keys that change neither weights nor the choice of the best ones."""
NO_MATTER_WITHIN = ("num_workers", "persistent_workers", "prefetch_factor")
NO_MATTER_HOOKS = ("health", "logger", "runtime_info", "timer", "visualization")
COMPOSED_FROM = {"composed", "labeled", "method", "rare_classes", "unlabeled", "weak"}
"""Top-level keys that stand in the others as well, once a config is composed."""
NO_MATTER_LATER = COMPOSED_FROM | {"load_from"}
"""Top-level keys that matter no more once a training has begun: those of the first
weights, and those that stand in the others as well."""
FIRST_WEIGHTS = ("init_cfg", "pretrained")
CHOICE_OF_BEST = ("save_best", "rule", "greater_keys", "less_keys")
HERE = "{work_dir}"
MISSING = object()


class Difference(NamedTuple):
    """A value that differs between two fingerprints.

    Attributes:
        key: Its path, e.g. ``model.teacher.momentum``.
        old: The old value; :data:`MISSING` if there was none.
        new: The new value; :data:`MISSING` if there is none.
    """

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """``key: old -> new``, both shortened."""
        if self.new is MISSING:
            return f"{self.key} is gone (was {_short(self.old)})"
        if self.old is MISSING:
            return f"{self.key} is new ({_short(self.new)})"
        return f"{self.key}: {_short(self.old)} -> {_short(self.new)}"


def fingerprint_of_start(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a new training's result depends on.

    Args:
        content: A config, as a dictionary.
    """
    kept = {k: v for k, v in content.items() if k in RUNNER_KEYS and k not in NO_MATTER}
    if kept.get("load_from") is None:
        kept.pop("load_from", None)
    hooks = kept.get("default_hooks") or {}
    kept["default_hooks"] = {k: v for k, v in hooks.items() if k not in NO_MATTER_HOOKS}
    return to_plain(kept)


def fingerprint_of_rest(content: Mapping[str, Any], work_dir: str) -> dict[str, Any]:
    """What the result of a training that has begun depends on.

    Args:
        content: A config, as a dictionary.
        work_dir: Its work-dir; paths below it, and beside it, may move with it.
    """
    kept = {k: v for k, v in content.items() if k not in NO_MATTER_LATER}
    plain = fingerprint_of_start(kept)
    saving = plain["default_hooks"].get("checkpoint")
    if isinstance(saving, dict):
        choice = {k: v for k, v in saving.items() if k in CHOICE_OF_BEST}
        plain["default_hooks"]["checkpoint"] = choice
    places = {work_dir: HERE}
    above = os.path.dirname(work_dir)
    if os.path.dirname(above) not in ("", above):
        places[above] = f"{HERE}/.."
    return _relocated(_without(plain, FIRST_WEIGHTS), places)


def to_plain(content: Any) -> Any:
    """Turn a config into plain values, without what has no effect on results.

    Args:
        content: Any part of a config.
    """
    cleaned = _without(content, NO_MATTER_WITHIN)
    return json.loads(json.dumps(cleaned, default=_text))


def digest(fingerprint: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that are the same for equal fingerprints only."""
    text = json.dumps(fingerprint, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(old: Any, new: Any, key: str = "") -> Iterator[Difference]:
    """Where two fingerprints differ.

    Args:
        old: A fingerprint, or a part of it.
        new: The other one.
        key: Path of the part.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(k for k in new if k not in old)]:
            inner = f"{key}.{name}" if key else str(name)
            if name in old and name in new:
                yield from differences(old[name], new[name], inner)
            else:
                yield Difference(inner, old.get(name, MISSING), new.get(name, MISSING))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{key}.{index}")
    elif old != new:
        yield Difference(key, old, new)


def _without(node: Any, names: Collection[str]) -> Any:
    if isinstance(node, Mapping):
        return {k: _without(v, names) for k, v in node.items() if k not in names}
    if isinstance(node, (list, tuple)):
        return [_without(value, names) for value in node]
    return node


def _relocated(node: Any, places: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _relocated(value, places) for key, value in node.items()}
    if isinstance(node, list):
        return [_relocated(value, places) for value in node]
    if isinstance(node, str):
        for place, name in places.items():
            if node == place or node.startswith(f"{place}/"):
                return name + node[len(place) :]
    return node


def _text(value: Any) -> str:
    """The text of an object, without its address."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
