"""Resolves the ``type`` of a config: a name, a scoped name, a path or a class.

A type may be a registered name (``'LoadAnnotations'``), one with a scope
(``'mmseg.LoadAnnotations'``), a dotted path, or the class or function itself. All
comparisons of types use these functions; nothing compares the strings.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import get_object_from_string

from .errors import ConfigError

SCOPE_KEY = "_scope_"
"""Key that MMEngine adds to configs read as ``mmseg::...``; it is no argument."""


def resolve(kind: Any, registry: Registry, scope: str | None = None) -> Any:
    """The class or function that a type names.

    Args:
        kind: A name, with a scope or without, a dotted path, a class or a function.
        registry: Where names are looked up.
        scope: Of names without one; None: the registry's own.

    Returns:
        The class or function; None if the name is not registered.
    """
    if not isinstance(kind, str):
        return kind
    names = [kind] if scope is None or "." in kind else [f"{scope}.{kind}", kind]
    for name in names:
        try:
            found = registry.get(name)
        except RuntimeError:  # MMEngine's, for a path that cannot be imported
            continue
        if found is not None:
            return found
    return None


def type_of(cfg: Any, registry: Registry) -> Any:
    """The class or function that a config's ``type`` names, or None.

    Args:
        cfg: A config with ``type``, or anything else.
        registry: Where its name is looked up.
    """
    if not isinstance(cfg, Mapping):
        return None
    return resolve(cfg.get("type"), registry, cfg.get(SCOPE_KEY))


def is_type(cfg: Any, registry: Registry, *classes: type) -> bool:
    """Whether a config's ``type`` is one of some classes, or derived from one.

    Args:
        cfg: A config with ``type``, or anything else.
        registry: Where its name is looked up.
        classes: The classes.
    """
    found = type_of(cfg, registry)
    return inspect.isclass(found) and issubclass(found, classes)


def argument(cfg: Mapping[str, Any], registry: Registry, name: str) -> Any:
    """An argument as a config states it, or else its default.

    Args:
        cfg: A config with ``type``.
        registry: Where its name is looked up.
        name: Name of the argument.

    Returns:
        The value; None if neither the config nor the class gives one.
    """
    if name in cfg:
        return cfg[name]
    cls = type_of(cfg, registry)
    bases: tuple[Any, ...] = cls.__mro__ if inspect.isclass(cls) else ()
    for base in bases:
        parameter = inspect.signature(base.__init__).parameters.get(name)
        if parameter is not None and parameter.default is not parameter.empty:
            return parameter.default
    return None


def with_named_types(cfg: Config) -> Config:
    """Replace classes and functions in a config by their dotted paths.

    Such a config can be written into a file and read again. A pure Python config also
    loses the names that it imported.

    Args:
        cfg: Any config; it stays as it is.

    Returns:
        The same object if it has no classes.

    Raises:
        ConfigError: If a class or function cannot be imported by its name.
    """
    imported = getattr(cfg, "_imported_names", ())
    if not imported and not _has_objects(cfg._cfg_dict):
        return cfg
    content = {
        key: named_types(value, key)
        for key, value in cfg._cfg_dict.items()
        if key not in imported
    }
    return Config(content, filename=cfg.filename)


def named_types(node: Any, where: str = "") -> Any:
    """Replace classes and functions in a part of a config by their dotted paths.

    Args:
        node: Dicts, lists and values.
        where: Its path in the config, for messages.

    Returns:
        A copy, of plain dicts.

    Raises:
        ConfigError: If a class or function cannot be imported by its name.
    """
    if isinstance(node, Mapping):
        return {
            key: named_types(value, f"{where}.{key}" if where else str(key))
            for key, value in node.items()
        }
    if isinstance(node, (list, tuple)):
        items = (named_types(value, f"{where}.{i}") for i, value in enumerate(node))
        return type(node)(items)
    return dotted_name(node, where) if _is_object(node) else node


def dotted_name(kind: Callable[..., Any], where: str) -> str:
    """The path by which a class or function can be imported.

    Args:
        kind: The class or function.
        where: Its path in the config, for the message.

    Raises:
        ConfigError: If there is none: it was defined in a function or in a config.
    """
    path = f"{kind.__module__}.{kind.__qualname__}"
    found = None if "<" in path else get_object_from_string(path)
    if found is not kind:
        raise ConfigError(
            f"{where}={path}: it cannot be imported by that name, so no config file "
            "can hold it; move it to the top level of a module, or register it and "
            "give its name"
        )
    return path


def short_types(node: Any, registry: Registry) -> Any:
    """Replace types in a part of a config by their names in a registry.

    Some tools of MMSegmentation look for a transform by the name of its type.

    Args:
        node: Dicts, lists and values.
        registry: Where names are looked up.

    Returns:
        A copy, of plain dicts. Types that are not registered under the name of their
        class become dotted paths; names without dots stay.

    Raises:
        ConfigError: If a class or function cannot be imported by its name.
    """
    if isinstance(node, (list, tuple)):
        return type(node)(short_types(value, registry) for value in node)
    if not isinstance(node, Mapping):
        return dotted_name(node, "a type") if _is_object(node) else node
    return {
        key: _short_name(value, node, registry)
        if key == "type"
        else short_types(value, registry)
        for key, value in node.items()
    }


def _short_name(kind: Any, cfg: Mapping[str, Any], registry: Registry) -> Any:
    if _is_object(kind) or (isinstance(kind, str) and "." in kind):
        found = type_of(cfg, registry)
        name = getattr(found, "__name__", None)
        if name and resolve(name, registry) is found:
            return name
    return short_types(kind, registry)


def _is_object(value: Any) -> bool:
    return inspect.isclass(value) or isinstance(value, FunctionType)


def _has_objects(node: Any) -> bool:
    if isinstance(node, Mapping):
        return any(_has_objects(value) for value in node.values())
    if isinstance(node, (list, tuple)):
        return any(_has_objects(value) for value in node)
    return _is_object(node)
