"""Reads the config that a command line names, with its options and stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.core.config import check_keys, check_options, find_config
from mmseg_semisup.core.config_types import with_named_types
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages.plan import base_config, last_stage


def load_config(
    name: str | Path, options: dict[str, Any] | None = None, stages: str = "last"
) -> Config:
    """Read a config and apply changes to it.

    Args:
        name: A path or a name, as :func:`find_config` takes it.
        options: Dotted key to new value, as from ``--cfg-options``.
        stages: Which config to return for one with ``stages``: 'last', that of the last
            stage; 'base', the config before any stage's changes, or the first stage's
            own; 'keep', the config as it stands.

    Returns:
        The config, checked for misspelt keys. Classes are replaced by their dotted
        paths, so that it can be written into the work-dir.

    Raises:
        ConfigError: If the file is missing or broken, or a key is misspelt.
    """
    path = find_config(name)
    try:
        cfg = with_named_types(Config.fromfile(str(path)))
    except KeyError as error:
        raise ConfigError(f"config {path}: {_explained(error)}") from error
    except (
        AttributeError,
        ConfigError,
        FileNotFoundError,
        IndexError,
        NameError,
        SyntaxError,
        TypeError,
    ) as error:
        raise ConfigError(f"config {path}: {error}") from error
    check_keys(cfg, path)
    if options:
        check_options(cfg, options)
        try:
            cfg.merge_from_dict(options)
        except (KeyError, TypeError) as error:
            raise ConfigError(f"--cfg-options: {error}") from error
    if cfg.get("stages") is None or stages == "keep":
        return cfg
    return last_stage(cfg) if stages == "last" else base_config(cfg)


def _explained(error: KeyError) -> str:
    """Name the missing key that a config reads, or return MMEngine's own message."""
    key = error.args[0] if error.args else error
    if isinstance(key, str) and " " in key:
        return key
    hint = "; objectives have names" if isinstance(key, int) else ""
    return f"it reads the key {key!r} of a dict that lacks it{hint}"
