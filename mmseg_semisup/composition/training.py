"""Composes what trains: optimizers, schedules, validation and hooks."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import CheckpointHook, EMAHook, RuntimeInfoHook
from mmengine.optim import AmpOptimWrapper, OptimWrapper, PolyLR
from mmengine.runner import ValLoop
from mmseg.evaluation import IoUMetric
from mmseg.registry import (
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
)

from mmseg_semisup.core.config_types import is_type, resolve, type_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.hooks import AtomicCheckpointHook
from mmseg_semisup.engine.optim import JointOptimWrapperConstructor
from mmseg_semisup.engine.trained_parts import REST, reads_names
from mmseg_semisup.evaluation import MultiLabelMetric
from mmseg_semisup.models.network_names import STUDENT, TEACHER, mean_name

from .record import Record

JOINT = JointOptimWrapperConstructor.__name__
SHARED_KEYS = ("accumulative_counts", "precision")
PRECISIONS = {None: "float16", "float16": "float16", "bfloat16": "bfloat16"}


def compose_optimizers(
    plain: Mapping[str, Any], block: Mapping[str, Any], record: Record
) -> dict[str, Any]:
    """Put the user's optimizer beside those of the method's own networks.

    Args:
        plain: The config's ``optim_wrapper``: mmengine's ``OptimWrapper`` or
            ``AmpOptimWrapper`` with any constructor, or one of several optimizers.
        block: The method.
        record: Takes notes.

    Raises:
        ConfigError: If the wrapper is of another class.
    """
    wrapper = copy.deepcopy(dict(plain))
    constructor = resolve(wrapper.get("constructor"), OPTIM_WRAPPER_CONSTRUCTORS)
    if constructor is JointOptimWrapperConstructor:
        composed = wrapper
    else:
        kind = type_of({"type": "OptimWrapper", **wrapper}, OPTIM_WRAPPERS)
        if kind not in (OptimWrapper, AmpOptimWrapper):
            raise ConfigError(
                f"optim_wrapper.type={wrapper.get('type')!r}; a method can train with "
                "OptimWrapper and AmpOptimWrapper"
            )
        wrapper.pop("type", None)
        precision = {}
        if kind is AmpOptimWrapper:
            precision["precision"] = PRECISIONS[wrapper.pop("dtype", None)]
            scale = wrapper.pop("loss_scale", "dynamic")
            wrapper.pop("use_fsdp", None)
            if scale != "dynamic" and precision["precision"] == "float16":
                record.note(
                    f"the loss scale adapts itself, instead of loss_scale={scale!r}"
                )
        shared = {k: wrapper.pop(k) for k in SHARED_KEYS if k in wrapper}
        composed = {
            "constructor": JOINT,
            **precision,
            **shared,
            "segmentor": wrapper,
        }
    if block.get("model"):
        others = [k for k, v in composed.items() if isinstance(v, Mapping)]
        for name in others:
            if name != "segmentor":
                composed.pop(name)
    for name, own in (block.get("optim_wrapper") or {}).items():
        composed[name] = copy.deepcopy(own)
    return composed


def compose_schedules(
    plain: Any,
    block: Mapping[str, Any],
    optim_wrapper: Mapping[str, Any],
    max_iters: int | None,
    max_epochs: int | None = None,
) -> Any:
    """Give the method's own optimizers their schedules.

    Without one, an optimizer has the user's schedule, warm-up included. A schedule of
    the method without ``end`` ends with the training. PolyLR, which divides by ``end -
    begin - 1``, ends one iteration later: the published (1 - t / T)^p.

    Args:
        plain: The config's ``param_scheduler``.
        block: The method.
        optim_wrapper: The composed optimizers.
        max_iters: Iterations of the training; None: it counts epochs.
        max_epochs: Its epochs; None: it counts iterations.
    """
    own = block.get("param_scheduler") or {}
    if not own:
        return copy.deepcopy(plain)
    composed = {}
    names = [n for n, part in optim_wrapper.items() if isinstance(part, Mapping)]
    if reads_names(optim_wrapper["segmentor"]):
        names.append(REST)
    for name in names:
        stated = own.get(name)
        if stated is None:
            composed[name] = copy.deepcopy(plain)
            continue
        span: dict[str, Any] = {"begin": 0, "end": max_iters, "by_epoch": False}
        if max_epochs is not None:
            span.update(end=max_epochs, by_epoch=True, convert_to_iter_based=True)
        elif max_iters is None and any("end" not in part for part in stated):
            raise ConfigError(
                f"method.param_scheduler.{name}: without `end`, it needs a training "
                "that counts iterations; set end and by_epoch"
            )
        composed[name] = [_within(span, part) for part in stated]
    return composed


def _within(span: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule with the span of the training, where it states none."""
    schedule = {**span, **copy.deepcopy(dict(stated))}
    counts = not schedule["by_epoch"] and "end" not in stated
    if counts and type_of(schedule, PARAM_SCHEDULERS) is PolyLR:
        schedule["end"] += 1
    return schedule


def compose_hooks(
    default: Mapping[str, Any] | None,
    custom: Sequence[Mapping[str, Any]] | None,
    block: Mapping[str, Any],
    evaluator: Any,
    record: Record,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Add what guards a training, and the method's hooks.

    Args:
        default: The config's ``default_hooks``.
        custom: Its ``custom_hooks``.
        block: The method.
        evaluator: The config's ``val_evaluator``.
        record: Takes notes.
    """
    hooks = copy.deepcopy(dict(default or {}))
    runtime = hooks.get("runtime_info")
    if runtime is None or type_of(runtime, HOOKS) is RuntimeInfoHook:
        hooks["runtime_info"] = {"type": "DeferredInfoHook"}
    checkpoint = hooks.get("checkpoint")
    if checkpoint is None or type_of(checkpoint, HOOKS) is CheckpointHook:
        hooks["checkpoint"] = {
            **(
                checkpoint or {"by_epoch": False, "interval": 2000, "max_keep_ckpts": 2}
            ),
            "type": AtomicCheckpointHook.__name__,
        }
    if block.get("model") and block.get("evaluators"):
        # The config's choice is by a metric of masks.
        hooks["checkpoint"] = {**hooks["checkpoint"], "save_best": None}
    _choose_best(hooks["checkpoint"], block, evaluator)
    hooks.setdefault("health", {"type": "HealthHook"})
    further = [
        {"type": "DataCheckHook", "level": "cheap", "allow": ["missing-class"]},
        {"type": "TeacherUpdateHook"},
        *copy.deepcopy(list(block.get("custom_hooks") or ())),
    ]
    own = [copy.deepcopy(dict(hook)) for hook in custom or ()]
    if (block.get("model") or block).get("teacher") is not None:
        averaging = [hook for hook in own if is_type(hook, HOOKS, EMAHook)]
        if averaging:
            own = [hook for hook in own if hook not in averaging]
            record.note("EMAHook is left out: the teacher is the averaged network")
    present = {type_of(hook, HOOKS) for hook in own}
    own += [hook for hook in further if type_of(hook, HOOKS) not in present]
    return hooks, own


def _choose_best(
    checkpoint: dict[str, Any], block: Mapping[str, Any], evaluator: Any
) -> None:
    """Keep the best checkpoint, by the network that predicts."""
    best = checkpoint.get("save_best")
    metrics = evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]
    ious = [m for m in metrics if is_type(m, METRICS, IoUMetric)]
    if any(is_type(m, METRICS, MultiLabelMetric) for m in metrics):
        checkpoint.update(save_best="mAP", rule="greater")
        return
    if best in (None, "auto") and ious:
        if "mIoU" not in (ious[0].get("iou_metrics") or ["mIoU"]):
            return
        best = "/".join(filter(None, (ious[0].get("prefix"), "mIoU")))
        checkpoint.setdefault("rule", "greater")
    if has_copies(block):
        if isinstance(best, str):
            best = _of_a_network(best, block)
        elif isinstance(best, (list, tuple)):
            best = [_of_a_network(name, block) for name in best]
    if best is not None:
        checkpoint["save_best"] = best


def _of_a_network(score: str, block: Mapping[str, Any]) -> str:
    """The name of a score with that of its network; the one that predicts, if none."""
    predicts = predicting_network(block)
    networks = {STUDENT, TEACHER, predicts, *(block.get("networks") or {})}
    named = score == "auto" or score.partition("/")[0] in networks
    return score if named else f"{predicts}/{score}"


def compose_validation(
    plain: Mapping[str, Any] | None, block: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Validate all networks of a method that has several."""
    if plain is None:
        return None
    composed = copy.deepcopy(dict(plain))
    if has_copies(block) and type_of({"type": "ValLoop", **composed}, LOOPS) is ValLoop:
        composed["type"] = "TeacherStudentValLoop"
    return composed


def has_copies(block: Mapping[str, Any]) -> bool:
    """Whether a method has networks besides the student that are validated, too."""
    networks = [cfg for cfg in (block.get("networks") or {}).values() if cfg]
    validated = (getattr(type_of(c, MODELS), "validated", True) for c in networks)
    return block.get("teacher") is not None or any(validated)


def predicting_network(block: Mapping[str, Any]) -> str:
    """Name of the network that predicts: the teacher, if there is one."""
    stated = (block.get("test_cfg") or {}).get("predict_with")
    if stated is not None:
        return mean_name(stated)
    return TEACHER if block.get("teacher") is not None else STUDENT
