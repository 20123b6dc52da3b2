"""Runs a training after checks and one step of which nothing stays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmseg_semisup.composition import COMPOSED
from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.distributed import on_main, stop_together
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.find_checkpoint import list_checkpoints
from mmseg_semisup.datasets.checks.config import ratios_without_masks
from mmseg_semisup.datasets.semi_dataset import SemiDataset
from mmseg_semisup.engine.hooks import DataCheckHook
from mmseg_semisup.engine.hooks.method_check_hook import starts
from mmseg_semisup.report.hook import ReportHook
from mmseg_semisup.visualization.panels import encode_picture

from .batch import Drawn, draw_batch
from .grids import grid_faults
from .picture import draw_views, views_of_batch, views_of_step
from .report import Report
from .step import Taken, take_step
from .survey import Survey, survey
from .validation import check_validation

T = TypeVar("T")
MODES = ("first", "only", "off")
PICTURE = "first_batch.png"
SECONDS = 10.0
"""Time for reading masks at the beginning of a training."""


def train(runner: Runner, mode: str = "first") -> bool:
    """Check the data of a training, take a step on a copy, and then train.

    The training writes ``report.html`` into its work-dir.

    Args:
        runner: The result of ``build_runner``.
        mode: 'first': the dry run begins the training; 'only': nothing else is done;
            'off': the data is checked, but no step taken.

    Returns:
        Whether it was trained.

    Raises:
        ConfigError: If the training cannot begin; the message is one line.
        ValueError: If there is no such mode.
    """
    if mode not in MODES:
        raise ValueError(f"train: mode={mode!r}; allowed: {MODES}")
    runner.register_hook(DryRunHook(mode))
    runner.register_hook(ReportHook())
    try:
        runner.train()
    except _DoneError:
        return False
    return True


class _DoneError(Exception):
    """Leaves a training of which only the dry run was asked for."""


class DryRunHook(Hook):
    """Runs :func:`rehearse` when all parts of a training are built and loaded.

    Args:
        mode: As in :func:`train`.
    """

    # After all hooks that check, before those that start the data and save.
    priority = 80

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def before_train(self, runner: Runner) -> None:
        """Run it, in all processes."""
        rehearse(runner, self.mode)
        if self.mode == "only":
            raise _DoneError


def rehearse(runner: Runner, mode: str = "only") -> Report:
    """Check the data, draw a batch, take a step, restore everything, and report.

    Args:
        runner: A runner whose parts are built, before its first iteration.
        mode: As in :func:`train`.

    Raises:
        ConfigError: If there is a mistake; the message is one line.
    """
    model = runner.model
    model = model.module if is_model_wrapper(model) else model
    seconds = math.inf if mode == "only" else SECONDS
    found = on_main(lambda: _survey(runner, seconds))
    report = _describe(runner, model, found)
    if mode != "off":
        drawn, taken = _together(lambda: _take(runner, model))
        report.taken, report.loading = taken, drawn.seconds
        faults = taken.not_finite
        if faults and mode == "only":
            raise ConfigError(f"a loss of the dry run's step: {', '.join(faults)}")
        report.warnings += faults
        if runner.val_loop is not None:
            on_main(lambda: check_validation(model, runner.val_loop))
        report.picture = on_main(lambda: _picture(runner, model, drawn, taken))
    for hook in runner.hooks:
        if isinstance(hook, ReportHook):
            hook.data = report.facts()
    _show(runner, report, mode)
    return report


def _together(function: Callable[[], T]) -> T:
    """Run a function in all processes; an error in one of them stops all."""
    error: Exception | None = None
    result: list[T] = []
    try:
        result.append(function())
    except Exception as caught:
        error = caught
    stop_together(error)
    return result[0]


def _survey(runner: Runner, seconds: float) -> Survey:
    faults = ratios_without_masks(runner.cfg)
    if faults:
        raise ConfigError(faults[0])
    loop: Any = runner._val_loop
    validation = getattr(getattr(loop, "dataloader", None), "dataset", None)
    hooks = [hook for hook in runner.hooks if isinstance(hook, DataCheckHook)]
    allow = {kind for hook in hooks for kind in hook.allow}
    found = survey(runner.train_loop.dataloader.dataset, validation, allow, seconds)
    if found.errors:
        raise ConfigError("; ".join(found.errors))
    return found


def _take(runner: Runner, model: nn.Module) -> tuple[Drawn, Taken]:
    loader = runner.train_loop.dataloader
    try:
        drawn = draw_batch(loader, runner.iter)
    except RuntimeError as error:
        # SemiDataset names the file and the reason.
        raise ConfigError(str(error)) from error
    taken = take_step(model, runner.optim_wrapper, drawn.batch, runner.max_iters)
    faults = grid_faults(model, taken, loader.dataset)
    if faults:
        raise ConfigError("; ".join(faults))
    return drawn, taken


def _describe(runner: Runner, model: Any, found: Survey) -> Report:
    loader = runner.train_loop.dataloader
    dataset = loader.dataset
    file = runner.cfg.filename
    name = Path(file).stem if file else runner.experiment_name
    report = Report(
        title=f"Dry run of {name}",
        survey=found,
        views={"labeled": "labeled"},
        readers=readers_of(model),
        per_step={"labeled": loader.batch_size},
        starts=_late_starts(model),
        workers=loader.num_workers,
        processes=get_world_size(),
        iterations=runner.max_iters,
        done=runner.iter,
        resume=_resume(runner),
        notes=(runner.cfg.get(COMPOSED) or {}).get("notes") or (),
    )
    if isinstance(dataset, SemiDataset):
        report.views = dataset.views
        ratio = getattr(loader.sampler, "ratio", {})
        block = max(sum(ratio.values()), 1)
        per_step = {n: share * loader.batch_size / block for n, share in ratio.items()}
        report.per_step = per_step
    return report


def readers_of(model: Any) -> dict[str, list[str]] | None:
    """Name of each view to its readers; None for models that do not tell.

    Args:
        model: A model, not wrapped.
    """
    if hasattr(model, "required_views"):
        return {
            view: list(dict.fromkeys(r)) for view, r in model.required_views.items()
        }
    if not hasattr(model, "labeled_branches"):
        return None
    readers: dict[str, list[str]] = {n: ["labels"] for n in model.labeled_branches}
    consistency = getattr(model, "consistency", None)
    if consistency is not None:
        for name in consistency.branches:
            readers.setdefault(name, []).append("consistency")
            readers[name + consistency.teacher_suffix] = ["teacher"]
    return readers


def _late_starts(model: nn.Module) -> dict[str, str]:
    """Objective, or objective.branch, to its start, if it does not begin at once."""
    late = {}
    for where, start in starts(model):
        path = where.removeprefix("model.objectives.").removeprefix("model.")
        name = path.replace(".start", "")
        if start and isinstance(start, float):
            late[name] = f"after {100 * start:.3g} % of the training"
        elif start:
            late[name] = f"after iteration {start}"
    return late


def _resume(runner: Runner) -> str:
    if runner._resume and runner.iter:
        return f"goes on from iteration {runner.iter} of {runner._load_from}"
    newest = next(iter(list_checkpoints(runner.work_dir)), None)
    if newest is None:
        return f"nothing in {runner.work_dir}: training begins with iteration 1"
    return (
        f"training begins with iteration 1; with --resume it would go on from {newest}"
    )


def _picture(runner: Runner, model: Any, drawn: Drawn, taken: Taken) -> str:
    dataset = runner.train_loop.dataloader.dataset
    batch: Any = drawn.batch
    ignore_index = taken.step.ignore_index if taken.step else 255
    groups = groups_of(dataset)
    if not isinstance(batch["inputs"], dict):
        # A batch of mmseg itself, without branches.
        batch = {key: {"labeled": values} for key, values in batch.items()}
    if taken.step is None:
        shown = views_of_batch(batch, ignore_index)
    else:
        shown, origins = views_of_step(taken.step, list(batch["data_samples"]), model)
        for name, origin in origins.items():
            groups[dataset.views[origin]].append(name)
    path = Path(runner.work_dir, PICTURE)
    return save_picture(path, shown, groups, dataset.metainfo, ignore_index)


def groups_of(dataset: Any) -> dict[str, list[str]]:
    """Name of each source of a training set to those of its views."""
    groups: dict[str, list[str]] = {}
    views = getattr(dataset, "views", {"labeled": "labeled"})
    for view, source in views.items():
        groups.setdefault(source, []).append(view)
    return groups


def save_picture(
    path: Path, shown: Any, groups: Any, metainfo: dict[str, Any], ignore_index: int
) -> str:
    """Draw the views of a batch into a file.

    Args:
        path: The file; an existing one is replaced.
        shown: View to pictures.
        groups: Source to its views.
        metainfo: ``classes`` and ``palette`` of the data set.
        ignore_index: Label that is hatched.

    Returns:
        The path, or the reason why it could not be written.
    """
    classes: Sequence[str] = metainfo.get("classes") or ()
    palette = metainfo.get("palette")
    picture = draw_views(shown, groups, classes, palette, ignore_index)
    try:
        atomic_write(path, encode_picture(picture, path.suffix))
    except OSError as error:
        return f"none: {error}"
    return str(path)


def _show(runner: Runner, report: Report, mode: str) -> None:
    if mode == "only":
        if is_main_process():
            print(report.text(), flush=True)
        return
    if mode == "first":
        runner.logger.info("\n" + report.text(warnings=False))
    for text in report.all_warnings:
        runner.logger.warning(text)
