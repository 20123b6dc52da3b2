"""Reads and writes the file of a config; whatever is wrong with it is one line."""

from __future__ import annotations

import tempfile
import traceback
from pathlib import Path

from mmengine.config import Config

from .atomic_io import atomic_write
from .config_types import with_named_types
from .errors import ConfigError
from .mistakes import one_line


def read_file(path: Path) -> Config:
    """Read a config and its bases, as they are, apart from classes, which are named.

    Args:
        path: Its file.

    Raises:
        ConfigError: If it is no config, or ends with an error; the message names the
            file, and the line if that is known.
    """
    try:
        return with_named_types(Config.fromfile(str(path)))
    except KeyError as error:
        raise ConfigError(f"config {path}: {_explained(error)}") from error
    except ImportError as error:
        raise ConfigError(f"config {path}: {_missing(error)}") from error
    except (
        AttributeError,
        ConfigError,
        IndexError,
        NameError,
        OSError,
        SyntaxError,
        TypeError,
    ) as error:
        raise ConfigError(f"config {path}: {error}") from error
    except Exception as error:
        # The file is a program, or a damaged one of YAML or JSON.
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise ConfigError(f"config {path}{_line(error, path)}: {reason}") from error


def write_config(cfg: Config, path: Path) -> None:
    """Write a config as MMEngine does, but whole or not at all, and through no link.

    Args:
        cfg: The config.
        path: The file, which is replaced.

    Raises:
        WriteError: If it cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        dumped = Path(folder, path.name)
        cfg.dump(dumped)
        atomic_write(path, dumped.read_bytes())


def _line(error: Exception, path: Path) -> str:
    """The line of a config that an error comes from, as far as known."""
    # MMEngine executes the text of a config without its name.
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename in ("", str(path))]
    return f", line {lines[-1]}" if lines else ""


def _explained(error: KeyError) -> str:
    """Name the missing key that a config reads, or return MMEngine's own message."""
    key = error.args[0] if error.args else error
    if isinstance(key, str) and " " in key:
        return key
    hint = "; objectives have names" if isinstance(key, int) else ""
    return f"it reads the key {key!r} of a dict that lacks it{hint}"


def _missing(error: ImportError) -> str:
    """Name the package that a config imports, not all folders that were searched."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        package = cause.name.partition(".")[0]
        return f"it imports the package {package}, which is not installed"
    return f"it imports what cannot be imported: {str(cause).partition(chr(10))[0]}"
