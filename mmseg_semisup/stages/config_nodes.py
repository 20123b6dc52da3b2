"""Walks over the content of a config: strings, placeholders, ``_delete_``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def strings(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """All strings of a config, with their paths."""
    parts: Iterable[tuple[Any, Any]]
    if isinstance(node, Mapping):
        parts = node.items()
    elif isinstance(node, (list, tuple)):
        parts = enumerate(node)
    else:
        if isinstance(node, str):
            yield path, node
        return
    for key, value in parts:
        yield from strings(value, f"{path}.{key}" if path else str(key))


def replaced(node: Any, known: Mapping[str, str]) -> Any:
    """Replace placeholders by values."""
    if isinstance(node, Mapping):
        return {key: replaced(value, known) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(replaced(value, known) for value in node)
    if isinstance(node, str):
        for placeholder, value in known.items():
            node = node.replace(placeholder, value)
    return node


def undelete(node: Any) -> Any:
    """Drop left-over ``_delete_`` keys, where there was nothing to replace."""
    if isinstance(node, dict):
        return {k: undelete(v) for k, v in node.items() if k != "_delete_"}
    if isinstance(node, (list, tuple)):
        return type(node)(undelete(value) for value in node)
    return node
