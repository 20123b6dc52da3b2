"""Reads a study: which methods are compared, with which masks and seeds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_semisup.composition import method_names
from mmseg_semisup.core.config import config_folders, find_config
from mmseg_semisup.core.config_file import read_file
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest

KEYS = {
    "config": "the plain config: model, data, optimizer",
    "methods": "names of methods, files, or dict(base=NAME, ...)",
    "baseline": "name of the method that the others are compared with, or several",
    "splits": "lists of labelled images, by name; '{seed}' stands for the seed",
    "all_masks": "whether the baseline is trained with all masks, too",
    "selection": "whether to measure the labels of unlabelled images that have masks",
    "seeds": "seeds of the trainings",
    "iterations": "iterations of each training",
    "jobs": "trainings at a time",
}
"""Keys of a study and their meaning."""
OWN_KEYS = ("name", "length", "config")
"""Keys of a method that its block does not have."""
SEED = "{seed}"
ALL_MASKS = "all"
"""Name of the split with all masks."""
LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""
LONGEST_NAME = 240
"""Characters of a cell's name: file systems allow 255, with the suffix of its files."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
"""Names of methods and lists, which become those of folders."""


@dataclass(frozen=True)
class Method:
    """A method of a study.

    Attributes:
        name: Its name in tables.
        block: What a config's ``method`` says; None: ``config`` says it.
        config: A config of its own in place of the study's, or None.
        length: Its iterations as a multiple of the study's.
    """

    name: str
    block: Any = None
    config: str | None = None
    length: float = 1


@dataclass(frozen=True)
class Study:
    """What is compared.

    Attributes:
        name: Name of the study, that of its file.
        path: Its file.
        config: The plain config.
        methods: The methods, by name.
        baselines: Names of those that the others are compared with.
        splits: Name of each list of labelled images to its path, or None for what the
            config says; the names are ``''`` if the study has no lists.
        all_masks: Whether the baselines are trained with all masks, too.
        selection: Whether the labels of unlabelled images are measured.
        seeds: Seeds of the trainings.
        iterations: Iterations of each training; None: the config's.
        jobs: Trainings at a time; None: one for each GPU, or each core.
    """

    name: str
    path: Path
    config: str
    methods: dict[str, Method]
    baselines: list[str]
    splits: dict[str, str | None]
    all_masks: bool
    selection: bool
    seeds: list[int]
    iterations: int | None
    jobs: int | None

    def cells(self) -> list[tuple[str, str, int]]:
        """Method, split and seed of each training, seed by seed."""
        pairs = [(m, s) for s in self.splits for m in self.methods]
        if self.all_masks:
            pairs += [(name, ALL_MASKS) for name in self.baselines]
        return [(method, split, seed) for seed in self.seeds for method, split in pairs]


def cell_name(method: str, split: str, seed: int) -> str:
    """Name of a training, and of its folder.

    >>> cell_name("cutmix", "m65", 0), cell_name("cutmix", "", 1)
    ('cutmix_m65_seed0', 'cutmix_seed1')
    """
    return "_".join([method, *([split] if split else []), f"seed{seed}"])


def read_study(name: str | Path) -> Study:
    """Read a study.

    Args:
        name: The path of its file, or the name of one that ships with the project.

    Raises:
        ConfigError: If it is no study, or names something that does not exist.
    """
    path = find_config(name)
    content = read_file(path)._cfg_dict.to_dict()
    _check_keys(content, path)
    try:
        methods = _methods(content["methods"], path.parent)
        splits = _splits(content.get("splits"))
        study = Study(
            name=path.stem,
            path=path,
            config=_config(content["config"], path.parent),
            methods=methods,
            baselines=_baselines(content.get("baseline"), methods),
            splits=splits,
            all_masks=_flag("all_masks", content.get("all_masks", False)),
            selection=_flag("selection", content.get("selection", False)),
            seeds=_seeds(content.get("seeds", [0])),
            iterations=_positive("iterations", content.get("iterations")),
            jobs=_positive("jobs", content.get("jobs")),
        )
        _check_cells(study)
    except ConfigError as error:
        raise ConfigError(f"study {path}: {error}") from error
    return study


def _check_keys(content: Mapping[str, Any], path: Path) -> None:
    for key in content:
        if key not in KEYS:
            hint = suggest(key, KEYS)
            raise ConfigError(
                f"study {path}: key {key!r}; {hint}allowed: {', '.join(KEYS)}"
            )
    missing = [key for key in ("config", "methods") if key not in content]
    if missing:
        raise ConfigError(f"study {path}: {missing[0]} is missing, {KEYS[missing[0]]}")


def _config(name: Any, folder: Path) -> str:
    """The plain config: a file beside the study, or what the tools take."""
    if not isinstance(name, str):
        raise ConfigError(f"config={name!r}; allowed: the path or name of a config")
    beside = folder / name
    return str(beside.resolve() if beside.is_file() else find_config(name))


def _methods(entries: Any, folder: Path) -> dict[str, Method]:
    if not isinstance(entries, (list, tuple)) or not entries:
        raise ConfigError(f"methods={entries!r}; allowed: a list of methods")
    methods: dict[str, Method] = {}
    for entry in entries:
        method = _method(entry, folder)
        if method.name in methods:
            raise ConfigError(
                f"methods: two are called {method.name!r}; call one "
                "dict(name=..., base=...)"
            )
        methods[method.name] = method
    return methods


def _method(entry: Any, folder: Path) -> Method:
    block = dict(entry) if isinstance(entry, Mapping) else {"base": entry}
    own = {key: block.pop(key) for key in OWN_KEYS if key in block}
    base = block.get("base")
    config = _config(own["config"], folder) if "config" in own else None
    if "name" not in own and base is None and "config" not in own:
        raise ConfigError(f"methods: {entry!r} has no name; add name=...")
    if not _is_names(base):
        raise ConfigError(
            f"methods: {base!r}; allowed: the name of a method, a file, or a list of "
            "these"
        )
    name = str(own.get("name") or _stem(base if base is not None else own["config"]))
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"methods: the name {name!r}; allowed: letters, digits, '_', '.', '+', '-'"
        )
    length = own.get("length", 1)
    if type(length) not in (int, float) or not 0 < length < math.inf:
        raise ConfigError(f"methods: {name}: length={length!r}; allowed: above 0")
    if config is not None:
        return Method(name, block or None, config, length)
    if isinstance(base, str) and base not in method_names():
        path = _own_file(base, folder)
        if "model" in read_file(path):
            if len(block) > 1:
                raise ConfigError(
                    f"methods: {name}: base={base!r} is a whole config, which only "
                    "a block can change"
                )
            return Method(name, None, str(path), length)
        block["base"] = str(path)
    return Method(name, block["base"] if len(block) == 1 else block, None, length)


def _is_names(value: Any) -> bool:
    """Whether a value is a name or several, or None."""
    names = value if isinstance(value, (list, tuple)) and value else [value]
    return value is None or all(isinstance(name, str) and name for name in names)


def _own_file(name: str, folder: Path) -> Path:
    """The file of a block or of a config that a method's name means."""
    beside = folder / name
    if beside.is_file():
        return beside.resolve()
    try:
        return find_config(name)
    except ConfigError as error:
        configs = [file.stem for root in config_folders() for file in root.glob("*/*")]
        hint = suggest(Path(name).stem, [*method_names(), *configs])
        raise ConfigError(
            f"methods: there is no method {name!r}; {hint}there are "
            f"{', '.join(method_names())}, and configs"
        ) from error


def _stem(base: Any) -> str:
    names = [base] if isinstance(base, str) else list(base)
    return "+".join(Path(str(name)).name.removesuffix(".py") for name in names)


def _baselines(stated: Any, methods: Mapping[str, Method]) -> list[str]:
    names = [stated] if isinstance(stated, str) else stated or ["supervised"]
    if not _is_names(names):
        raise ConfigError(
            f"baseline={stated!r}; allowed: the name of a method, or several"
        )
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ConfigError(f"baseline={stated!r}: {repeated[0]!r} stands there twice")
    for name in names:
        if name not in methods:
            hint = suggest(name, methods)
            raise ConfigError(
                f"baseline {name!r} is not among the methods; {hint}there are "
                f"{', '.join(methods)}"
            )
    return list(names)


def _splits(stated: Any) -> dict[str, str | None]:
    if stated is None:
        return {"": None}
    if not isinstance(stated, Mapping) or not stated:
        raise ConfigError(
            f"splits={stated!r}; allowed: dict(NAME=LIST, ...), each the path of a "
            f"list of labelled images, in which {SEED} stands for the seed"
        )
    for name, path in stated.items():
        if not NAME.fullmatch(str(name)) or name == ALL_MASKS:
            raise ConfigError(
                f"splits: the name {name!r}; allowed: letters, digits, '_', '.', '-', "
                f"and not {ALL_MASKS!r}"
            )
        if not isinstance(path, str):
            raise ConfigError(
                f"splits.{name}={path!r}; allowed: the path of a list of labelled "
                "images"
            )
    return {str(name): path for name, path in stated.items()}


def _seeds(stated: Any) -> list[int]:
    seeds = [stated] if isinstance(stated, int) else stated
    if (
        not isinstance(seeds, Sequence)
        or not seeds
        or not all(type(seed) is int and 0 <= seed <= LARGEST_SEED for seed in seeds)
    ):
        raise ConfigError(
            f"seeds={stated!r}; allowed: whole numbers from 0 to {LARGEST_SEED}"
        )
    repeated = sorted({seed for seed in seeds if list(seeds).count(seed) > 1})
    if repeated:
        raise ConfigError(f"seeds={list(seeds)}: {repeated[0]} stands there twice")
    return list(seeds)


def _positive(key: str, value: Any) -> int | None:
    if value is None or (type(value) is int and value > 0):
        return value
    raise ConfigError(f"{key}={value!r}; allowed: a whole number from 1")


def _flag(key: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigError(f"{key}={value!r}; allowed: True or False")


def _check_cells(study: Study) -> None:
    """Raise ConfigError if two trainings would have one name."""
    names: dict[str, tuple[str, str, int]] = {}
    for cell in study.cells():
        name = cell_name(*cell)
        if len(name) > LONGEST_NAME:
            raise ConfigError(
                f"the name {name:.40}... has {len(name)} characters; a folder may have "
                f"{LONGEST_NAME}"
            )
        if name in names:
            raise ConfigError(
                f"two cells are called {name}: {names[name]} and {cell}; call a method "
                "or a split otherwise"
            )
        names[name] = cell
