"""Finds where the values of a config come from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.core.config_types import SCOPE_KEY, with_named_types

from .blocks import resolve_method
from .compose import COMPOSED

COMPOSITION = "composition"
MOVED = (
    ("model.segmentor", "model"),
    ("train_dataloader.dataset.sources.labeled", "train_dataloader.dataset"),
    ("optim_wrapper.segmentor", "optim_wrapper"),
    ("model.segmentor.data_preprocessor", "data_preprocessor"),
    ("val_evaluator.0", "val_evaluator"),
    ("test_evaluator.0", "test_evaluator"),
)
"""Where the composition puts parts of the plain config, and where they were."""
MISSING = object()
SHIPPED = "/.mim/configs/"
"""Folder of the configs that ship with a package, in the package's own."""


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All values of a config with their paths, as ``--cfg-options`` names them.

    A list without dicts is one value.

    Args:
        node: Dicts, lists and values.
        path: Path of the node.
    """
    parts: Sequence[tuple[Any, Any]] = ()
    if isinstance(node, Mapping):
        parts = [(key, part) for key, part in node.items() if key != SCOPE_KEY]
    elif isinstance(node, (list, tuple)) and _has_dicts(node):
        parts = list(enumerate(node))
    if not parts:
        yield path, node
    for key, part in parts:
        yield from leaves(part, f"{path}.{key}" if path else str(key))


def origin_of(
    path: str,
    value: Any,
    plain: Config,
    composed: Config,
    encoded: Config | None = None,
    options: Iterable[str] = (),
) -> str:
    """Where a value of a composed config comes from.

    Args:
        path: Its path.
        value: The value.
        plain: The config before the composition.
        composed: The config after it.
        encoded: The plain config with another encoder, if it got one.
        options: Keys that the command line changed.

    Returns:
        A file of the config or of its bases, an encoder, a method, 'command line' or
        'composition'.
    """
    source = (composed.get(COMPOSED) or {}).get("source") or {}
    places = [
        f"{old}{path[len(new) :]}"
        for new, old in (*MOVED, ("", ""))
        if path == new or path.startswith(f"{new}.") or not new
    ]
    named = tuple(options)
    if any(p == key or p.startswith(f"{key}.") for p in places for key in named):
        return "command line"
    for place in places:
        if at(plain, place) == value:
            return file_of(place, value, plain.filename)
    if any(at(encoded, place) == value for place in places):
        return f"encoder {_encoder_name(source['encoder'])}"
    if ".sources.unlabeled." in path and ".pipeline." not in path:
        key = path.partition(".sources.unlabeled.")[2].partition(".")[0]
        if key not in ("type", "exclude"):
            return "images_of the labelled data" if key == "images_of" else "unlabeled"
    methods = source.get("method") or []
    for method in [methods] if isinstance(methods, (str, Mapping)) else methods:
        if _states(resolve_method(method), path, value):
            return f"method {method}" if isinstance(method, str) else "method"
    return COMPOSITION


def _encoder_name(stated: Any) -> str:
    """The name of an encoder, as a call or a config states it."""
    if isinstance(stated, Mapping):
        return str(stated["name"])
    return stated if isinstance(stated, str) else str(stated[0])


def at(node: Any, path: str) -> Any:
    """The value at a path; :data:`MISSING` if there is none."""
    for part in path.split("."):
        if isinstance(node, (Mapping, Config)) and part in node:
            node = node[part]
        elif isinstance(node, (list, tuple)) and part in map(str, range(len(node))):
            node = node[int(part)]
        else:
            return MISSING
    return node


def file_of(path: str, value: Any, filename: str | None) -> str:
    """The file that states a value: the deepest base that has it, too.

    Args:
        path: Path of the value.
        value: The value.
        filename: File of the config; None: it was made without one.

    Returns:
        Path of the file relative to the current folder, or 'command line' if the file
        has another value.
    """
    if filename is None:
        return "config"
    if at(_read(filename), path) != value:
        return "command line"
    for base in _bases(filename):
        if at(_read(base), path) == value:
            return file_of(path, value, base)
    return _shown(filename)


def _shown(filename: str) -> str:
    """A file by its path from the current folder; of a package as ``mmseg::...``."""
    head, packaged, tail = filename.partition(SHIPPED)
    if not packaged:
        return os.path.relpath(filename)
    return f"{os.path.basename(head)}::{tail}"


def _states(block: Mapping[str, Any], path: str, value: Any) -> bool:
    """Whether the block of a method states a value."""
    own = path.removeprefix("model.")
    if value in (at(block, own), at(block, path)):
        return True
    if ".views." not in path:
        return False
    view = path.partition(".views.")[2]
    return any(
        at(source.get("views") or {}, view) == value
        for source in (block, *(block.get("sources") or {}).values())
    )


_known: dict[str, Config] = {}


def _read(filename: str) -> Config:
    key = str(Path(filename).resolve())
    if key not in _known:
        _known[key] = with_named_types(Config.fromfile(filename))
    return _known[key]


def _bases(filename: str) -> list[str]:
    names = Config._get_base_files(filename)
    return [os.path.normpath(Config._get_cfg_path(n, filename)[0]) for n in names]


def _has_dicts(node: Any) -> bool:
    if isinstance(node, Mapping):
        return True
    return isinstance(node, (list, tuple)) and any(map(_has_dicts, node))
