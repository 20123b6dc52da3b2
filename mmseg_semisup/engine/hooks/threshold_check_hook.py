"""Measures on validated masks what confidence thresholds keep."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import WriteError
from mmseg_semisup.core.figures import encode_picture
from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.evaluation.kept_picture import draw_kept
from mmseg_semisup.evaluation.kept_pixels import KeptPixelsMetric
from mmseg_semisup.models.policies import LabelSource, Select
from mmseg_semisup.models.segmentors import SemiSegmentor
from mmseg_semisup.models.step.decode_heads import last_head
from mmseg_semisup.models.step.prediction import probabilities

PICTURE = "threshold_check.png"


@HOOKS.register_module()
class ThresholdCheckHook(Hook):
    """Says at each validation what the thresholds of the objectives would keep there.

    An objective that selects pixels by confidence never learns how many of the labels
    are right; the validated images have masks. For the network that gives the labels:

    - ``NETWORK/OBJECTIVE/precision`` and ``.../precision/CLASS``, the percentage of
      right labels among the pixels that the threshold keeps, all and those of a
      predicted class; NaN if none is kept;
    - ``NETWORK/OBJECTIVE/kept``, the percentage of pixels that are kept;
    - ``threshold_check.png`` in the work-dir, both against the threshold;
    - a line of the log, with advice if the precision is below ``precision``.

    It reads the predictions of the validation, and predicts nothing by itself. It is
    part of every training whose objectives select by confidence. The validated images
    are not augmented, and those that the training selects from are.

    Args:
        precision: Level, in 0..1, below which the log advises another threshold; None:
            the threshold itself, the highest one of those of classes.

    Raises:
        ValueError: If it is out of its range.
    """

    # After the metrics are in the log's buffers, as the scores of classes.
    priority = "NORMAL"

    def __init__(self, precision: float | None = None) -> None:
        if precision is not None and not 0 <= precision <= 1:
            raise ValueError(
                f"ThresholdCheckHook: precision={precision}; allowed: 0 to 1, or None"
            )
        self.precision = precision
        self._metrics: dict[str, KeptPixelsMetric] = {}

    def before_val(self, runner: Runner) -> None:
        """Add a metric for each threshold, and read the thresholds as they are now."""
        model: Any = runner.model
        model = model.module if is_model_wrapper(model) else model
        if not isinstance(model, SemiSegmentor):
            return
        for name, network, select in selections(model):
            evaluator = _evaluator(runner.val_loop, network, model.predict_with)
            level = select.level
            if evaluator is None or level is None:
                continue
            title = f"objectives.{name}, labels of the {network}"
            if title not in self._metrics:
                segmentor = model.network(network)
                metric = KeptPixelsMetric(
                    partial(probabilities, segmentor, dim=0),
                    last_head(segmentor).num_classes,
                    last_head(segmentor).ignore_index,
                    prefix=name,
                )
                metric.dataset_meta = evaluator.dataset_meta
                evaluator.metrics.append(metric)
                self._metrics[title] = metric
            self._metrics[title].level = level

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Log a line for each threshold, and draw all of them."""
        found = {
            title: metric.found
            for title, metric in self._metrics.items()
            if metric.found is not None
        }
        if not found or not is_main_process():
            return
        for title, kept in found.items():
            runner.logger.info(f"{title}: {kept.sentence(self.precision)}")
        meta = next(iter(self._metrics.values())).dataset_meta or {}
        classes = next(iter(found.values())).classes
        palette = meta.get("palette") or class_palette(classes)
        title = f"validation after iteration {runner.iter}"
        picture = encode_picture(draw_kept(found, palette, title))
        try:
            atomic_write(Path(runner.work_dir) / PICTURE, picture)
        except WriteError as error:
            runner.logger.warning(f"{error}; the training goes on")


def selections(model: SemiSegmentor) -> Iterator[tuple[str, str, Select]]:
    """The selections of objectives that one network labels for.

    Args:
        model: The model.

    Yields:
        Name of the objective, name of the network, selection.
    """
    for name, objective in model.objectives.items():
        select = getattr(objective, "select", None)
        source = getattr(objective, "labels_from", None)
        if not isinstance(select, Select) or not isinstance(source, LabelSource):
            continue
        level = select.level
        keeps_all = isinstance(level, (int, float)) and level == 0
        if len(source.networks) == 1 and level is not None and not keeps_all:
            yield name, source.networks[0], select


def _evaluator(loop: Any, network: str, predicting: str) -> Any:
    """The evaluator of a network's predictions; None if they are not validated."""
    evaluators = getattr(loop, "evaluators", None)
    if evaluators is not None:
        return evaluators.get(network)
    return loop.evaluator if network == predicting else None
