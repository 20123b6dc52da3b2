"""The stages of a config: what each of them trains, checked before the first begins."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.engine.config import RUNNER_KEYS, ConfigError, check_keys
from mmseg_semisup.pseudo_masks.errors import StoreError
from mmseg_semisup.pseudo_masks.images import training_sources
from mmseg_semisup.pseudo_masks.settings import Settings

PLACEHOLDER = "{pseudo_masks}"
STAGE_KEYS = ("name", "pseudo_masks", "changes")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Stage:
    """A stage of a training.

    Attributes:
        name: Of the stage and its folder.
        cfg: Its whole config; the folder of its masks is still ``{pseudo_masks}``.
        masks: How its pseudo-masks are made by the stage before; None: it has none.
        data_cfg: The config whose sources get them: that without any stage's changes.
    """

    name: str
    cfg: Config
    masks: Settings | None
    data_cfg: Config

    def runnable(self, work_dir: str | Path) -> Config:
        """The config for the runner.

        Args:
            work_dir: Of the whole training.
        """
        cfg = copy.deepcopy(self.cfg)
        folder = os.path.join(work_dir, self.name)
        masks = os.path.join(folder, "pseudo_masks")
        content = _replace(cfg._cfg_dict.to_dict(), masks)
        cfg = Config(content, filename=cfg.filename)
        cfg.work_dir = folder
        # Whatever mmengine keeps by name must not be that of the stage before.
        stem = Path(cfg.filename).stem if cfg.filename else "training"
        cfg.experiment_name = f"{cfg.get('experiment_name') or stem}_{self.name}"
        if cfg.get("visualizer"):
            name = cfg.visualizer.get("name", "visualizer")
            cfg.visualizer.name = f"{name}_{self.name}"
        return cfg


def has_stages(cfg: Mapping[str, Any]) -> bool:
    """Whether a config has stages."""
    return cfg.get("stages") is not None


def split_stages(cfg: Config) -> list[Stage]:
    """The stages of a config.

    Args:
        cfg: Config with ``stages``.

    Returns:
        One or more.

    Raises:
        ConfigError: If something is wrong with any of them; names the stage.
    """
    specs = cfg.get("stages")
    if not isinstance(specs, (list, tuple)) or not specs:
        raise ConfigError("stages: give a list of dict(name=..., changes=dict(...))")
    base = without_stages(cfg)
    stages: list[Stage] = []
    for index, spec in enumerate(specs):
        name = _checked_name(spec, index, [stage.name for stage in stages])
        try:
            stages.append(_make_stage(base, spec, name))
            _check(stages)
        except (ConfigError, StoreError, TypeError) as error:
            raise ConfigError(f"stages: {name}: {error}") from error
    return stages


def last_stage(cfg: Config) -> Config:
    """The config of the final stage, for tools that do not train.

    ``{pseudo_masks}`` stays in it.
    """
    return split_stages(cfg)[-1].cfg


def _make_stage(base: Config, spec: Mapping[str, Any], name: str) -> Stage:
    cfg = copy.deepcopy(base)
    changes = copy.deepcopy(dict(spec.get("changes") or {}))
    try:
        cfg.merge_from_dict(changes)
    except (KeyError, TypeError) as error:
        text = error.args[0] if error.args else error
        raise ConfigError(f"changes: {text}") from error
    content = _undelete(cfg._cfg_dict.to_dict())
    cfg = Config(content, filename=base.filename)
    check_keys(cfg, f"of stage {name}")
    options = spec.get("pseudo_masks")
    masks = None if options is None else Settings.from_dict(options)
    return Stage(name, cfg, masks, base)


def _check(stages: Sequence[Stage]) -> None:
    """Raise ConfigError if the last stage does not fit those before it."""
    stage = stages[-1]
    if stage.masks is None:
        content = stage.cfg._cfg_dict.to_dict()
        read = {k: v for k, v in content.items() if k in RUNNER_KEYS}
        for path in _find(read, ""):
            raise ConfigError(f"{path} is {PLACEHOLDER}, but the stage has none")
        return
    if len(stages) == 1:
        raise ConfigError("pseudo_masks: there is no stage before it to make them")
    before = stages[-2].cfg
    semi = "segmentor" in before.model
    if stage.masks.network == "teacher" and not (semi and before.model.get("teacher")):
        raise ConfigError(
            f"pseudo_masks.network='teacher', but {stages[-2].name} has no teacher"
        )
    hook = (before.get("default_hooks") or {}).get("checkpoint") or {}
    if stage.masks.checkpoint == "best" and not hook.get("save_best"):
        raise ConfigError(
            f"pseudo_masks.checkpoint='best', but {stages[-2].name} does not save one "
            "(default_hooks.checkpoint.save_best)"
        )
    known = [k for k, v in training_sources(stage.data_cfg).items() if v is not None]
    missing = [name for name in stage.masks.sources if name not in known]
    if missing:
        raise ConfigError(f"pseudo_masks.sources: no {missing}; there are {known}")


def _checked_name(spec: Any, index: int, taken: Sequence[str]) -> str:
    if not isinstance(spec, Mapping):
        raise ConfigError(f"stages.{index} is {spec!r}; give a dict")
    name = spec.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"stages.{index}: name={name!r}; allowed: letters, digits, '_', '-', '.'"
        )
    if name in taken:
        raise ConfigError(f"stages: two of them are named {name!r}")
    unknown = [key for key in spec if key not in STAGE_KEYS]
    if unknown:
        raise ConfigError(
            f"stages: {name} has the keys {unknown}; allowed: {list(STAGE_KEYS)}"
        )
    return name


def without_stages(cfg: Config) -> Config:
    """The config that the stages change."""
    content = cfg._cfg_dict.to_dict()
    content.pop("stages", None)
    return Config(content, filename=cfg.filename)


def _find(node: Any, path: str) -> list[str]:
    """Paths of the strings that hold the placeholder."""
    if isinstance(node, Mapping):
        parts = node.items()
    elif isinstance(node, (list, tuple)):
        parts = enumerate(node)
    else:
        return [path] if isinstance(node, str) and PLACEHOLDER in node else []
    return [p for k, v in parts for p in _find(v, f"{path}.{k}" if path else str(k))]


def _replace(node: Any, folder: str) -> Any:
    if isinstance(node, Mapping):
        return {key: _replace(value, folder) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(_replace(value, folder) for value in node)
    return node.replace(PLACEHOLDER, folder) if isinstance(node, str) else node


def _undelete(node: Any) -> Any:
    """Remove what asked to replace a value that was not there."""
    if isinstance(node, dict):
        return {k: _undelete(v) for k, v in node.items() if k != "_delete_"}
    if isinstance(node, (list, tuple)):
        return type(node)(_undelete(value) for value in node)
    return node
