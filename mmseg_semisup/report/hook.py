"""Gathers what a report needs while a training runs, and writes the report."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmengine.dist import all_reduce, gather_object, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from mmseg_semisup.composition import COMPOSED
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.machine import (
    describe_machine,
    package_versions,
    project_commit,
)
from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.engine.outline import topics
from mmseg_semisup.evaluation import CountedIoUMetric
from mmseg_semisup.models.step.prediction import probabilities

from .command import describe_command
from .facts import Facts, read_facts, write_facts
from .page import REPORT, write_report
from .validation import (
    KEPT,
    Gatherer,
    Kept,
    Validation,
    merged,
    stride,
    write_validation,
)

Method = TypeVar("Method", bound=Callable[..., None])


def never_failing(method: Method) -> Method:
    """Turn the errors of a hook's method into one warning.

    A full disk may have room again later; after any other error, the hook does no more.

    Args:
        method: Its first argument after the hook is the runner.
    """

    @functools.wraps(method)
    def tried(self: ReportHook, runner: Runner, *args: Any, **kwargs: Any) -> None:
        if self.failed:
            return
        try:
            method(self, runner, *args, **kwargs)
        except Exception as error:
            self.failed = not isinstance(error, OSError)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            if not self.warned:
                runner.logger.warning(
                    f"no report is written, the training goes on without: {reason}"
                )
            self.warned = True

    return tried  # type: ignore[return-value]  # the same arguments


class ReportHook(Hook):
    """Writes ``report.html`` at the start, at each validation and at the end.

    Nothing is predicted a second time: confusions and scores of images are those of the
    :class:`CountedIoUMetric` of the network that predicts, and small label maps are
    kept of up to 200 images. ``report.json`` and ``validation.npz``, of which
    ``tools/report.py`` makes the page again, are beside it. No error of this hook stops
    a training. :func:`mmseg_semisup.dry_run.train` adds it.
    """

    # After the log's line of a validation, and after its checkpoint.
    priority = 95

    def __init__(self) -> None:
        self.failed = self.warned = False
        self.facts = Facts()
        self.data: dict[str, Any] | None = None
        """Numbers of images and classes, see :mod:`~mmseg_semisup.report.facts`."""
        self._gatherer: Gatherer | None = None
        self._metric: CountedIoUMetric | None = None
        self._network: Any = None

    @never_failing
    def before_train(self, runner: Runner) -> None:
        """Write what the training will do."""
        if not is_main_process():
            return
        try:
            known = read_facts(Path(runner.work_dir))
        except ConfigError:
            known = Facts()
        resumed = runner.iter > 0
        meta = _meta(runner)
        classes = [str(name) for name in meta.get("classes") or ()]
        palette = meta.get("palette") or class_palette(classes)
        model = _unwrapped(runner)
        source = (runner.cfg.get(COMPOSED) or {}).get("source") or {}
        config = Path(runner.cfg.filename).name if runner.cfg.filename else ""
        self.facts = Facts(
            topics={name: text for name, text in topics(runner).items() if text},
            classes=classes,
            palette=[[int(value) for value in color] for color in palette],
            predicts=_predicts(model),
            iterations=int(runner.max_iters),
            since=known.since if resumed else str(runner.timestamp),
            config=config,
            method=_method(source.get("method")),
            starts=known.starts if resumed else [],
            data=self.data or (known.data if resumed else None),
        )
        self.facts.starts.append(
            {
                "time": _now(),
                "iteration": int(runner.iter),
                "command": describe_command(sys.orig_argv),
                "commit": project_commit(),
                "machine": describe_machine(),
                "versions": package_versions(),
            }
        )
        self._write(runner, runner.iter)

    @never_failing
    def before_val_epoch(self, runner: Runner) -> None:
        """Begin to gather."""
        self._gatherer = None
        self._metric = _metric(runner)
        if self._metric is None:
            return
        size = len(runner.val_loop.dataloader.dataset)
        names = self._metric.dataset_meta["classes"]
        processes = get_world_size()
        self._gatherer = Gatherer(
            -(-size // processes),
            len(names),
            self._metric.ignore_index,
            KEPT // processes,
        )
        model = _unwrapped(runner)
        network = getattr(model, "network", None)
        self._network = network(model.predict_with) if network else model

    @never_failing
    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Keep some of the predictions."""
        if self._gatherer is None or self._metric is None or not outputs:
            return
        areas = self._metric.results[-len(outputs) :]
        for sample, area in zip(outputs, areas, strict=True):
            if self._gatherer.wants():
                predicted = sample.pred_sem_seg.data.squeeze(0)
                self._gatherer.add(
                    str(sample.metainfo.get("img_path", "")),
                    predicted,
                    sample.gt_sem_seg.data.squeeze(0),
                    area,
                    self._confidence(sample, predicted),
                )

    def _confidence(self, sample: Any, predicted: Tensor) -> Tensor | None:
        """The probability of the predicted class where it is kept, (h, w), or None."""
        logits = getattr(sample, "seg_logits", None)
        if logits is None or logits.data.shape[0] < 2:
            return None
        if logits.data.shape[1:] != predicted.shape:
            return None
        step = stride(predicted.shape)
        # Of the kept pixels alone: a softmax of all of them takes four times as long.
        kept = logits.data[:, ::step, ::step]
        probs = probabilities(self._network, kept, dim=0)
        return probs.gather(0, predicted[None, ::step, ::step].long())[0]

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Write the report of this validation."""
        # All processes take part, also those where something has failed.
        confusion = _summed(_metric(runner))
        parts: list[Kept] = []
        self._take_kept(runner, parts)
        gathered = gather_object(parts)
        if is_main_process():
            kept = merged([part for of_one in gathered or () for part in of_one])
            self._finish_validation(runner, confusion, kept)

    @never_failing
    def _take_kept(self, runner: Runner, parts: list[Kept]) -> None:
        if self._gatherer is not None:
            parts.append(self._gatherer.kept())

    @never_failing
    def _finish_validation(
        self, runner: Runner, confusion: Tensor | None, kept: Kept
    ) -> None:
        if self._gatherer is None or not self.facts.starts:
            return
        found = Validation(
            iteration=int(runner.iter),
            images=len(runner.val_loop.dataloader.dataset),
            scenes=kept.scenes,
            confusion=None if confusion is None else confusion.cpu().numpy(),
            counts=kept.counts,
        )
        self._gatherer = None
        write_validation(Path(runner.work_dir), found)
        self._write(runner, runner.iter)

    @never_failing
    def after_train(self, runner: Runner) -> None:
        """Write the report of the whole training."""
        if is_main_process():
            self.facts.finished = runner.iter >= runner.max_iters
            self._write(runner, runner.iter)
            runner.logger.info(f"report: {Path(runner.work_dir, REPORT)}")

    def _write(self, runner: Runner, iteration: int) -> None:
        self.facts.iteration = int(iteration)
        self.facts.time = _now()
        folder = Path(runner.work_dir)
        write_facts(folder, self.facts)
        write_report(folder)


def _unwrapped(runner: Runner) -> Any:
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def _predicts(model: Any) -> str:
    names = list(getattr(model, "network_names", ()))
    return str(model.predict_with) if len(names) > 1 else ""


def _method(source: Any) -> str:
    """A method as the user named it; empty for one that the config spells out."""
    if isinstance(source, Mapping):
        base = _method(source.get("base"))
        return f"{base} with changes" if base else ""
    names = source if isinstance(source, (list, tuple)) else [source]
    return ", ".join(Path(name).stem for name in names if isinstance(name, str))


def _meta(runner: Runner) -> Any:
    """``classes`` and ``palette`` of the validation images, or of the training's."""
    loop: Any = runner.val_loop
    loader = runner.train_dataloader if loop is None else loop.dataloader
    return getattr(loader.dataset, "metainfo", None) or {}


def _metric(runner: Runner) -> CountedIoUMetric | None:
    """The metric of the network that predicts; None: no IoU is counted."""
    loop: Any = runner.val_loop
    evaluators = getattr(loop, "evaluators", None) or {}
    model = _unwrapped(runner)
    predicts = getattr(model, "predict_with", None)
    evaluator = evaluators.get(predicts, loop.evaluator)
    metrics = getattr(evaluator, "metrics", ())
    found = [m for m in metrics if isinstance(m, CountedIoUMetric)]
    return found[0] if found and not found[0].format_only else None


def _summed(metric: CountedIoUMetric | None) -> Tensor | None:
    """Pixels by true class and prediction over all processes, (C, C), int64."""
    if metric is None or len(metric.dataset_meta["classes"]) < 2:
        return None
    table = metric.confusion
    if table is None:
        side = len(metric.dataset_meta["classes"]) + 2
        table = torch.zeros(side, side, dtype=torch.int64)
    if get_world_size() > 1:
        table = table.clone()
        all_reduce(table, op="sum")
    return table[1:-1, 1:-1]


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M")
