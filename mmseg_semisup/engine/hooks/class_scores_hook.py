"""Adds the scores of each class to the log, TensorBoard and other backends."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.evaluation.metrics import IoUMetric
from mmseg.registry import HOOKS

from mmseg_semisup.engine.progress_log import CLASS_SCORES


@HOOKS.register_module()
class ClassScoresHook(Hook):
    """Reports ``IoU/CLASS`` beside ``mIoU``, for every network that is evaluated.

    MMSegmentation's ``IoUMetric`` prints a table of the classes, and returns means. Its
    scores of classes, in percent like the means, go the same way as these: into the
    JSON of scalars, TensorBoard, and the result of a test. The score of a class that is
    neither in the masks nor in the predictions is NaN. ``mDice`` and ``mFscore`` give
    ``Dice/CLASS`` and ``Fscore/CLASS``. The log gets one table for all networks.
    """

    # After the metrics are in the log's buffers, before the line with the means.
    priority = "NORMAL"

    def before_run(self, runner: Runner) -> None:
        """Keep the log from averaging scores over validations.

        It averages what has 'loss' or 'time' in its name, as a class may.
        """
        processor = runner.log_processor
        names = "|".join(CLASS_SCORES)
        pattern = processor.mean_pattern.pattern
        processor.mean_pattern = re.compile(rf"^(?!(.*/)?({names})/)(?=.*{pattern})")

    def before_val(self, runner: Runner) -> None:
        """Extend the metrics of the validation."""
        extend_metrics(runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        """Extend the metrics of the test."""
        extend_metrics(runner.test_loop)

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Log the table."""
        _log_table(runner, metrics)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Log the table."""
        _log_table(runner, metrics)


def _log_table(runner: Runner, metrics: Mapping[str, Any] | None) -> None:
    table = class_table(metrics or {})
    if table:
        runner.logger.info(f"scores of the classes, percent\n{table}")


def class_table(metrics: Mapping[str, Any]) -> str:
    """The scores of classes as text, a line for each class; empty if there are none.

    Args:
        metrics: Result of an evaluation, with keys such as ``teacher/IoU/cat``.

    >>> print(class_table({"a/IoU/cat": 12.0, "b/IoU/cat": 9.5, "b/mIoU": 9.5}))
           a IoU  b IoU
      cat  12.00   9.50
    """
    columns: dict[str, dict[str, float]] = {}
    for key, value in metrics.items():
        match = re.match(rf"(?:(.*)/)?({'|'.join(CLASS_SCORES)})/(.*)", key)
        if match:
            title = " ".join(filter(None, match.group(1, 2)))
            columns.setdefault(title, {})[match.group(3)] = value
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    if not names:
        return ""
    width = max(len(name) for name in names)
    lines = ["  ".join([" " * (width + 2), *(f"{title:>5}" for title in columns)])]
    for name in names:
        values = [
            f"{column.get(name, math.nan):{max(len(title), 5)}.2f}"
            for title, column in columns.items()
        ]
        lines.append("  ".join([f"  {name:<{width}}", *values]))
    return "\n".join(lines)


def extend_metrics(loop: Any) -> None:
    """Let the metrics of a loop return the scores of classes, too.

    Args:
        loop: A validation or test loop, with one evaluator or one for each network.
    """
    for metric in _metrics(loop):
        if isinstance(metric, IoUMetric) and not hasattr(metric, "class_scores"):
            _extend(metric)


def _metrics(loop: Any) -> Iterator[Any]:
    evaluators = getattr(loop, "evaluators", None) or {"": loop.evaluator}
    for evaluator in evaluators.values():
        yield from evaluator.metrics


def _extend(metric: Any) -> None:
    """Wrap the two steps of an ``IoUMetric``: areas to scores, scores to means."""
    metric.class_scores = {}
    to_scores: Callable[..., Mapping[str, Any]] = metric.total_area_to_metrics
    to_means: Callable[..., dict[str, Any]] = metric.compute_metrics

    def keep_scores(*args: Any, **kwargs: Any) -> Mapping[str, Any]:
        found = to_scores(*args, **kwargs)
        metric.class_scores = {k: found[k] for k in CLASS_SCORES if k in found}
        return found

    def add_scores(results: list[Any]) -> dict[str, Any]:
        means = to_means(results)
        for score, values in metric.class_scores.items():
            names = metric.dataset_meta["classes"]
            for name, value in zip(names, np.asarray(values).tolist(), strict=True):
                means[f"{score}/{name}"] = round(100 * value, 2)
        return means

    metric.total_area_to_metrics = keep_scores
    metric.compute_metrics = add_scores
