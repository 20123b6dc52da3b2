"""Builds MMEngine's runner of a config, with the hooks that guard a training."""

from __future__ import annotations

import warnings
from inspect import isclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.engine.optimizers import LearningRateDecayOptimizerConstructor
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, RUNNERS

from mmseg_semisup.core.config_types import resolve
from mmseg_semisup.core.cpu import keep_freed_memory
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models.data_preprocessor import KEY, prepared_model

from .console import ConciseRunner
from .hooks import (
    ArchitectureCheckHook,
    ClassScoresHook,
    ConfigFileHook,
    FreshCountersHook,
    HistoryHook,
    IgnoreValueHook,
    LearningRatesHook,
    MethodCheckHook,
    NumbersHook,
    OutlineHook,
    PreemptionHook,
    RepeatValidationHook,
    ResumedConfigHook,
    ResumedScheduleHook,
    ThresholdCheckHook,
    TrainingFactsHook,
    ViewCheckHook,
)
from .optim import JointOptimWrapperConstructor


def build_runner(cfg: Config, strict: bool, accept: str | None = None) -> Runner:
    """Build the runner of a config; it refuses checkpoints of another architecture.

    On a CPU, the process keeps its memory from now on, see
    :func:`~mmseg_semisup.core.cpu.keep_freed_memory`.

    Args:
        cfg: The config.
        strict: Whether a checkpoint must hold exactly the model's weights.
        accept: Which changes of the config a resume accepts, as
            :class:`~mmseg_semisup.engine.hooks.ResumedConfigHook` has it.

    Returns:
        The runner, of the config's ``runner_type`` if there is one.

    Raises:
        ConfigError: If the model or another part refuses its arguments, or the
            optimizers' constructor cannot read the model.
    """
    _check_constructor(cfg)
    if not torch.cuda.is_available():
        keep_freed_memory()
    # MMEngine would give a top-level data_preprocessor to a model whose segmentor has
    # its own.
    cfg.model = prepared_model(cfg)
    cfg.pop(KEY, None)
    try:
        with warnings.catch_warnings():
            # The hook that draws nothing unless it is told to says so at each start.
            warnings.filterwarnings("ignore", message="The draw is False")
            runner = _runner_type(cfg).from_cfg(cfg)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    runner.register_hook(ResumedConfigHook(accept))
    runner.register_hook(ArchitectureCheckHook(strict=strict))
    # PreemptionHook first: it defers signals while the validation is repeated.
    hooks = (FreshCountersHook, NumbersHook, PreemptionHook, RepeatValidationHook)
    checks = (
        IgnoreValueHook,
        LearningRatesHook,
        MethodCheckHook,
        ResumedScheduleHook,
        TrainingFactsHook,
        ViewCheckHook,
    )
    reports = (
        ClassScoresHook,
        ConfigFileHook,
        HistoryHook,
        OutlineHook,
        ThresholdCheckHook,
    )
    for hook in (*hooks, *checks, *reports):
        if not any(isinstance(present, hook) for present in runner.hooks):
            runner.register_hook(hook())
    return runner


def _runner_type(cfg: Config) -> Any:
    """The config's type of runner, which writes no config: ``ConfigFileHook`` does."""
    kind = RUNNERS.get(cfg.runner_type) if "runner_type" in cfg else ConciseRunner
    if kind is None:
        raise ConfigError(
            f"runner_type={cfg.runner_type!r} is not in MMSegmentation's RUNNERS"
        )
    return type(kind.__name__, (kind,), {"dump_config": lambda _: None})


def _check_constructor(cfg: Config) -> None:
    """Refuse layer decay that would look for ``model.backbone`` in a SemiSegmentor."""
    constructor = (cfg.get("optim_wrapper") or {}).get("constructor")
    found = resolve(constructor, OPTIM_WRAPPER_CONSTRUCTORS)
    decays = isclass(found) and issubclass(found, LearningRateDecayOptimizerConstructor)
    if decays and "segmentor" in cfg.model:
        name = found.__name__
        raise ConfigError(
            f"optim_wrapper.constructor={name!r} reads a plain segmentor; set "
            "optim_wrapper=dict(constructor='JointOptimWrapperConstructor', "
            f"segmentor=dict(constructor={name!r}, optimizer=..., paramwise_cfg=...))"
        )


def set_precision(cfg: Config) -> None:
    """Switch training to mixed precision: float16 on CUDA, bfloat16 on a CPU.

    Args:
        cfg: The config; changed in place.

    Raises:
        ConfigError: If its optimizers cannot do that.
    """
    optim_wrapper: Any = cfg.get("optim_wrapper") or {}
    constructor = optim_wrapper.get("constructor")
    found = resolve(constructor, OPTIM_WRAPPER_CONSTRUCTORS)
    if not (isclass(found) and issubclass(found, JointOptimWrapperConstructor)):
        raise ConfigError(
            "--amp needs optim_wrapper.constructor='JointOptimWrapperConstructor', "
            f"but the config has {constructor!r}"
        )
    optim_wrapper.precision = "float16" if torch.cuda.is_available() else "bfloat16"
