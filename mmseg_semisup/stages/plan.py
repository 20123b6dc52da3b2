"""Plans the stages of a config, and checks them before the first one begins."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_semisup.composition import COMPOSED, read_config
from mmseg_semisup.core.config import RUNNER_KEYS, check_keys, find_config
from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.core.find_checkpoint import check_folder
from mmseg_semisup.models.network_names import check_network
from mmseg_semisup.pseudo_masks.cams import CamSettings
from mmseg_semisup.pseudo_masks.images import training_sources
from mmseg_semisup.pseudo_masks.settings import Settings

from .config_nodes import replaced, strings, undelete

PLACEHOLDER = "{pseudo_masks}"
STORE = "pseudo_masks"
"""Name of the folder of a stage's masks."""
STAGE_KEYS = ("name", "task", "config", "pseudo_masks", "changes")
TASKS = ("train", "evaluate")
MASK_KINDS: dict[str, type[Settings] | type[CamSettings]] = {
    "predictions": Settings,
    "cams": CamSettings,
}
"""Kinds of pseudo-masks: a segmentor's predictions, a classifier's activation maps."""
TEST_KEYS = ("test_cfg", "test_dataloader", "test_evaluator")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STORE = re.compile(rf"\{{({_NAME.pattern})\.{STORE}\}}")
_CHECKPOINT = re.compile(rf"\{{({_NAME.pattern})\.(last|best)\}}")


@dataclass(frozen=True)
class Stage:
    """A stage of a training.

    Attributes:
        name: Name of the stage and of its folder.
        cfg: Its whole config, with placeholders: ``{pseudo_masks}`` for the folder of
            its masks, ``{NAME.pseudo_masks}`` for that of an earlier stage,
            ``{NAME.last}`` or ``{NAME.best}`` for the checkpoint of an
            earlier stage.
        masks: Settings of its pseudo-masks, which the stage before makes; None: it has
            none.
        data_cfg: The config whose sources are labelled: without any stage's changes, or
            that of the classifier before it.
        task: 'train', or 'evaluate': test the model and save it.
    """

    name: str
    cfg: Config
    masks: Settings | CamSettings | None
    data_cfg: Config
    task: str = "train"

    @property
    def checkpoints(self) -> list[tuple[str, str]]:
        """Checkpoints of earlier stages that it reads: stage, and 'last' or 'best'."""
        texts = [text for _, text in strings(_read_by_runner(self.cfg), "")]
        return sorted({pair for text in texts for pair in _CHECKPOINT.findall(text)})

    @property
    def stores(self) -> list[str]:
        """Names of the earlier stages whose masks it reads."""
        texts = [text for _, text in strings(_read_by_runner(self.cfg), "")]
        return sorted({name for text in texts for name in _STORE.findall(text)})

    def runnable(
        self,
        work_dir: str | Path,
        checkpoints: Mapping[tuple[str, str], str | Path] | None = None,
    ) -> Config:
        """The config for the runner.

        Args:
            work_dir: Work-dir of the whole training.
            checkpoints: File of each of :attr:`checkpoints`; a placeholder without a
                file stays.
        """
        cfg = copy.deepcopy(self.cfg)
        folder = os.path.join(work_dir, self.name)
        known = {PLACEHOLDER: os.path.join(folder, STORE)}
        for name in self.stores:
            known[f"{{{name}.{STORE}}}"] = os.path.join(work_dir, name, STORE)
        for (name, which), path in (checkpoints or {}).items():
            known[f"{{{name}.{which}}}"] = str(path)
        content = replaced(cfg._cfg_dict.to_dict(), known)
        cfg = Config(content, filename=cfg.filename)
        cfg.work_dir = folder
        # MMEngine keeps loggers and visualizers by name, and each stage needs its own.
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
        The stages, in order; at least one.

    Raises:
        ConfigError: If a stage cannot be used; the message names it.
    """
    specs = cfg.get("stages")
    if not isinstance(specs, (list, tuple)) or not specs:
        raise ConfigError("stages: give a list of dict(name=..., changes=dict(...))")
    base = without_stages(cfg)
    stages: list[Stage] = []
    for index, spec in enumerate(specs):
        name = _checked_name(spec, index, [stage.name for stage in stages])
        try:
            stages.append(_make_stage(base, spec, name, stages))
            _check(stages)
        except (ConfigError, StoreError, TypeError) as error:
            raise ConfigError(f"stages: {name}: {error}") from error
    return stages


def last_stage(cfg: Config) -> Config:
    """The config of the final stage, for tools that do not train.

    ``{pseudo_masks}`` stays in it; the checkpoints of other stages become None.
    """
    return without_checkpoints(split_stages(cfg)[-1].cfg)


def base_config(cfg: Config) -> Config:
    """The config before any stage's changes; the first stage's, if each has its own."""
    if all(isinstance(spec, Mapping) and "config" in spec for spec in cfg.stages):
        return split_stages(cfg)[0].data_cfg
    return without_stages(cfg)


def without_checkpoints(cfg: Config) -> Config:
    """Replace the placeholders of checkpoints in a config by None."""

    def cleaned(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: cleaned(value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return type(node)(cleaned(value) for value in node)
        return None if isinstance(node, str) and _CHECKPOINT.search(node) else node

    return Config(cleaned(cfg._cfg_dict.to_dict()), filename=cfg.filename)


def _make_stage(
    base: Config, spec: Mapping[str, Any], name: str, before: Sequence[Stage]
) -> Stage:
    base = base if spec.get("config") is None else _own_config(base, spec["config"])
    cfg = copy.deepcopy(base)
    changes = copy.deepcopy(dict(spec.get("changes") or {}))
    try:
        cfg.merge_from_dict(changes)
    except (KeyError, TypeError) as error:
        text = error.args[0] if error.args else error
        raise ConfigError(f"changes: {text}") from error
    content = undelete(cfg._cfg_dict.to_dict())
    cfg = Config(content, filename=base.filename)
    check_keys(cfg, f"of stage {name}")
    options = spec.get("pseudo_masks")
    masks = None if options is None else _mask_settings(options)
    if isinstance(masks, CamSettings) and before:
        # The classifier's own sources have the image labels.
        base = before[-1].cfg
    task = spec.get("task", "train")
    if task not in TASKS:
        raise ConfigError(f"task={task!r}; allowed: {list(TASKS)}")
    return Stage(name, cfg, masks, base, task)


def _mask_settings(options: Mapping[str, Any]) -> Settings | CamSettings:
    rest = dict(options)
    kind = rest.pop("kind", next(iter(MASK_KINDS)))
    if kind not in MASK_KINDS:
        raise ConfigError(f"pseudo_masks.kind={kind!r}; allowed: {list(MASK_KINDS)}")
    return MASK_KINDS[kind].from_dict(rest)


def _own_config(common: Config, name: str) -> Config:
    """Read a stage's own config, and merge what is common to all stages into it.

    Args:
        common: The config without its stages.
        name: A path relative to the folder of that config's file, or a name that
            ``find_config`` takes.
    """
    beside = Path(common.filename or ".").parent / name
    path = beside if beside.is_file() else find_config(name)
    cfg, _ = read_config(os.path.normpath(path))
    if cfg.get("stages") is not None:
        raise ConfigError(f"config: {path} has stages itself")
    cfg.merge_from_dict(_read_by_runner(common))
    return cfg


def _check(stages: Sequence[Stage]) -> None:
    """Raise ConfigError if the last of some stages does not fit those before it."""
    stage = stages[-1]
    _check_checkpoints(stages)
    _check_stores(stages)
    if stage.task == "train":
        check_folder(stage.cfg)
    if stage.task == "evaluate":
        missing = [key for key in TEST_KEYS if stage.cfg.get(key) is None]
        if missing:
            raise ConfigError(f"task='evaluate', but the config has no {missing[0]}")
        if stage.masks is not None:
            raise ConfigError("pseudo_masks: an evaluation learns nothing")
    if stage.masks is None:
        for path, text in strings(_read_by_runner(stage.cfg), ""):
            if PLACEHOLDER in text:
                raise ConfigError(f"{path} is {PLACEHOLDER}, but the stage has none")
        return
    if len(stages) == 1:
        raise ConfigError("pseudo_masks: there is no stage before it to make them")
    if stages[-2].task != "train":
        raise ConfigError(f"pseudo_masks: {stages[-2].name} before it trains nothing")
    before = stages[-2].cfg
    if isinstance(stage.masks, CamSettings) != ("classifier" in before.model):
        raise ConfigError(
            "pseudo_masks: kind='cams' is for masks by a classifier, and for those only"
            f"; model.type of {stages[-2].name} is {before.model.type!r}"
        )
    named = "segmentor" in before.model or "classifier" in before.model
    if stage.masks.network is not None:
        check_network(
            stage.masks.network,
            before.model if named else {},
            "pseudo_masks.network",
            stages[-2].name,
        )
    if stage.masks.checkpoint == "best" and (reason := _without_best(stages[-2])):
        raise ConfigError(
            f"pseudo_masks.checkpoint='best', but {stages[-2].name} does not save one: "
            f"{reason}"
        )
    _check_judges(stage, stages[-2])
    known = [k for k, v in training_sources(stage.data_cfg).items() if v is not None]
    missing = [name for name in stage.masks.sources if name not in known]
    if missing:
        raise ConfigError(f"pseudo_masks.sources: no {missing}; there are {known}")


def _check_stores(stages: Sequence[Stage]) -> None:
    """Raise ConfigError if the last stage names masks that no earlier stage makes."""
    stage, masks = stages[-1], stages[-1].masks
    made = {s.name: s.masks for s in stages[:-1] if s.masks is not None}
    for name in stage.stores:
        if name not in made:
            raise ConfigError(
                f"{{{name}.{STORE}}}: no stage {name!r} before it makes masks; there "
                f"are {list(made)}"
            )
    if not isinstance(masks, Settings) or masks.rest_of is None:
        return
    name = masks.rest_of
    if name not in made:
        raise ConfigError(
            f"pseudo_masks.rest_of={name!r}: no such stage before it makes masks; "
            f"there are {list(made)}"
        )
    if list(made[name].sources) != list(masks.sources):
        raise ConfigError(
            f"pseudo_masks.rest_of={name!r}: its masks are of the sources "
            f"{list(made[name].sources)}, and these of {list(masks.sources)}; they "
            "must be the same"
        )


def _check_judges(stage: Stage, before: Stage) -> None:
    """Raise ConfigError if a judge is missing, or a snapshot that is never taken."""
    if not isinstance(stage.masks, Settings):
        return
    model = before.cfg.model
    for name in stage.masks.judges:
        check_network(
            name,
            model if "segmentor" in model else {},
            "pseudo_masks.judges",
            before.name,
        )
        network = (model.get("networks") or {}).get(name) or {}
        first = network.get("offset") or network.get("interval") or 0
        length = (before.cfg.get("train_cfg") or {}).get("max_iters")
        if isinstance(first, int) and length is not None and first > length:
            raise ConfigError(
                f"pseudo_masks.judges: the snapshot {name!r} of {before.name} is first "
                f"taken after {first} steps, but there are {length}; give interval and "
                "offset as shares of the training"
            )


def _check_checkpoints(stages: Sequence[Stage]) -> None:
    """Raise ConfigError if the last stage reads a checkpoint that no stage writes."""
    before = {stage.name: stage for stage in stages[:-1]}
    for name, which in stages[-1].checkpoints:
        text = f"{{{name}.{which}}}"
        if name not in before:
            raise ConfigError(
                f"{text}: there is no such stage before it; there are {list(before)}"
            )
        if which == "best" and (reason := _without_best(before[name])):
            raise ConfigError(f"{text}, but {name} does not save one: {reason}")


def _without_best(stage: Stage) -> str | None:
    """The reason why a stage ends without a best checkpoint; None: it has one."""
    if stage.task != "train":
        return f"its task is {stage.task!r}"
    hook = (stage.cfg.get("default_hooks") or {}).get("checkpoint") or {}
    if not hook.get("save_best"):
        return "it has no default_hooks.checkpoint.save_best"
    for key in ("val_cfg", "val_dataloader"):
        if stage.cfg.get(key) is None:
            return f"it never validates, for it has no {key}"
    loop = stage.cfg.get("train_cfg") or {}
    begin = loop.get("val_begin", 1)
    for key in ("max_iters", "max_epochs"):
        if key in loop and begin > loop[key]:
            return f"train_cfg.val_begin={begin} is after {key}={loop[key]}"
    return None


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
    same = [other for other in taken if other.casefold() == name.casefold()]
    if same:
        raise ConfigError(
            f"stages: {same[0]!r} and {name!r} have the same folder on file systems "
            "that do not tell upper from lower case; name one otherwise"
        )
    unknown = [key for key in spec if key not in STAGE_KEYS]
    if unknown:
        raise ConfigError(
            f"stages: {name} has the keys {unknown}; allowed: {list(STAGE_KEYS)}"
        )
    return name


def without_stages(cfg: Config) -> Config:
    """The config without the key ``stages``."""
    content = cfg._cfg_dict.to_dict()
    content.pop("stages", None)
    return Config(content, filename=cfg.filename)


def _read_by_runner(cfg: Config) -> dict[str, Any]:
    """The keys of a config that the runner or the tools read."""
    content = cfg._cfg_dict.to_dict()
    read = set(RUNNER_KEYS) - {COMPOSED}
    return {key: value for key, value in content.items() if key in read}
