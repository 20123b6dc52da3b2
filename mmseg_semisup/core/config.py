"""Finding and reading configs, with errors before anything is built."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.compat import map_package_names

from .distributed import warn
from .errors import ConfigError
from .text import suggest

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
OWN = "mmseg_semisup::"

RUNNER_KEYS = (
    "activation_checkpointing",
    "auto_scale_lr",
    "composed",
    "custom_hooks",
    "custom_imports",
    "data_preprocessor",
    "default_hooks",
    "default_scope",
    "efficient_conv_bn_eval",
    "encoder",
    "env_cfg",
    "experiment_name",
    "find_unused_parameters",
    "labeled",
    "launcher",
    "load_from",
    "log_level",
    "log_processor",
    "method",
    "model",
    "model_wrapper_cfg",
    "optim_wrapper",
    "param_scheduler",
    "randomness",
    "rare_classes",
    "resume",
    "stages",
    "sync_bn",
    "test_cfg",
    "test_dataloader",
    "test_evaluator",
    "train_cfg",
    "train_dataloader",
    "tta_model",
    "unlabeled",
    "val_cfg",
    "val_dataloader",
    "val_evaluator",
    "visualizer",
    "weak",
    "work_dir",
)
"""Top-level keys that MMEngine's runner or the tools read."""


def config_folders() -> list[Path]:
    """Folders with the project's own configs: of a clone, or inside a wheel."""
    candidates = [
        PACKAGE_FOLDER / ".mim" / "configs",
        PACKAGE_FOLDER.parent / "configs",
    ]
    return [folder for folder in candidates if (folder / "_base_").is_dir()][:1]


def find_config(name: str | Path) -> Path:
    """Find a config by its path, or by its name among the project's own.

    MMEngine's reader finds configs of other packages. For ours it would require the
    path below ``configs``, and it would install missing packages.

    Args:
        name: A path; or, of a config that ships with the project, its path below
            ``configs`` or just its file name, where ``.py`` may be left out, after
            ``mmseg_semisup::`` or not; or, of one that ships with another package,
            ``mmseg::`` and its path.

    Returns:
        The path of the file.

    Raises:
        ConfigError: If there is no such file, or several.
    """
    map_package_names()
    path = Path(str(name).removeprefix(OWN))
    if path.is_file():
        return path
    if not path.name:
        raise ConfigError(f"config {str(name)!r} is no file")
    if "::" in str(path):
        return _packaged_config(str(name))
    shipped = [file for folder in config_folders() for file in _leaves(folder)]
    wanted = path.with_suffix(".py") if path.suffix != ".py" else path
    parts = wanted.parts[1:] if wanted.parts[:1] == ("configs",) else wanted.parts
    found = [file for file in shipped if file.parts[-len(parts) :] == parts]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(map(str, found)))
        raise ConfigError(f"config {str(name)!r} could be any of: {names}")
    close = difflib.get_close_matches(wanted.stem, [f.stem for f in shipped], n=3)
    hint = f"; similar names: {', '.join(close)}" if close else ""
    raise ConfigError(
        f"config {str(name)!r} is neither a file nor the name of a config that ships "
        f"with mmseg_semisup{hint}"
    )


def _packaged_config(name: str) -> Path:
    package, _, path = name.partition("::")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(f"config {name!r}: {package} is not installed")
    folder = Path(spec.origin).parent / ".mim" / "configs"
    file = folder / path
    file = file if file.suffix == ".py" else file.with_name(f"{file.name}.py")
    if file.is_file():
        return file
    shipped = [leaf.relative_to(folder).as_posix() for leaf in _leaves(folder)]
    raise ConfigError(
        f"config {name!r}: {package} ships no {path}; "
        f"{suggest(path, shipped, cutoff=0.6)}"
        f"its configs are in {folder}"
    )


def check_keys(cfg: Config, path: str | Path) -> None:
    """Raise ConfigError for a key that looks misspelt, or that cannot be written.

    MMEngine writes the config of a training into its work-dir, with keys in single
    quotes as they are.

    Args:
        cfg: The config; it may define variables of its own.
        path: Its file. A key of a config that ships with another package, such as
            MMSegmentation, only gives a warning.
    """
    for key in _all_keys(cfg._cfg_dict):
        if isinstance(key, str) and not _can_be_written(key):
            raise ConfigError(
                f"config {path}: the key {key!a} cannot be written into the work-dir; "
                "leave out quotes, backslashes and line breaks"
            )
    for key in cfg:
        if key in RUNNER_KEYS:
            continue
        close = difflib.get_close_matches(key, RUNNER_KEYS, n=1, cutoff=0.87)
        if not close:
            continue
        message = f"config {path}: key {key!r} has no effect"
        if _states(path, key, within=".mim"):
            warn(f"{message}, though a config of an installed package has it")
            continue
        raise ConfigError(f"{message}; did you mean {close[0]!r}?")


def _can_be_written(key: str) -> bool:
    """Whether a key between single quotes stands for itself."""
    written = f"'{key}'"
    if repr(key) == written:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.literal_eval(written) == key
        except (SyntaxError, ValueError):
            return False


def _all_keys(node: Any) -> Iterator[Any]:
    """The keys of a config and of all dicts in it."""
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from _all_keys(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _all_keys(value)


def _states(path: str | Path, key: str, within: str) -> bool:
    """Whether a config or one of its bases, within such a folder, states a key."""
    file = Path(path)
    if not file.is_file():
        return False
    if within in file.parts and re.search(
        rf"^{key}\s*=", file.read_text(encoding="utf-8"), re.MULTILINE
    ):
        return True
    bases = (Config._get_cfg_path(b, str(path)) for b in Config._get_base_files(path))
    return any(_states(base, key, within) for base, _ in bases)


def check_options(cfg: Config, options: dict[str, Any]) -> None:
    """Raise ConfigError for an option whose key is not in the config.

    A new key is accepted in a dict without a similar key, as the last part of a path,
    or as a new part of the config, whose ``type`` is among the options.
    """
    built = {option[: -len(".type")] for option in options if option.endswith(".type")}
    for option in options:
        node: Any = cfg
        parts = option.split(".")
        for depth, part in enumerate(parts):
            known = _keys(node)
            if part in known:
                node = (
                    node[int(part)] if isinstance(node, (list, tuple)) else node[part]
                )
                continue
            where = ".".join(parts[:depth]) or "the config"
            hint = suggest(part, known, cutoff=0.8)
            is_last = depth == len(parts) - 1 or ".".join(parts[: depth + 1]) in built
            is_new = is_last and isinstance(node, dict)
            if (is_new and depth > 0 and not hint) or (
                depth == 0 and part in RUNNER_KEYS
            ):
                break
            raise ConfigError(
                f"--cfg-options {option}: {where} has no key {part!r}; {hint}"
                f"it has {', '.join(known) or 'no keys'}"
            )


def _keys(node: Any) -> list[str]:
    if isinstance(node, (dict, Config)):
        return sorted(node)
    if isinstance(node, (list, tuple)):
        return [str(index) for index in range(len(node))]
    return []


def _leaves(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*.py"):
        if "_base_" not in file.relative_to(folder).parts:
            yield file
