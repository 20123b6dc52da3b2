"""Draws the table and the maps of latent classes at every validation."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.models.segmentors import SemiSegmentor

from .latent_classes import (
    describe,
    draw_sample,
    draw_table,
    find_latent_classes,
    latent_labels,
)
from .panels import stack_rows


@HOOKS.register_module()
class LatentClassHook(Hook):
    """Draws P(l|c) and latent maps to the visualizer, and logs the super-categories.

    Args:
        images: Number of validation images whose latent classes are drawn; they pass
            the network a second time.
        threshold: P(l|c) above which a class belongs to a latent class, in the log.

    Raises:
        ConfigError: Before training, if the model has no latent classes.
    """

    def __init__(self, images: int = 4, threshold: float = 0.5) -> None:
        self.images = images
        self.threshold = threshold
        self._rows: list[np.ndarray] = []

    def before_train(self, runner: Runner) -> None:
        """Check the model."""
        find_latent_classes(_model(runner))

    def before_val_epoch(self, runner: Runner) -> None:
        """Start a new picture."""
        self._rows = []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Draw the rows of this batch, up to ``images`` rows."""
        if runner.rank != 0 or len(self._rows) >= self.images:
            return
        model = _model(runner)
        palette = runner.val_dataloader.dataset.metainfo["palette"]
        count = find_latent_classes(model).num_latent
        maps = latent_labels(model, data_batch)
        for sample, latent in zip(outputs, maps, strict=True):
            if len(self._rows) < self.images:
                self._rows.append(draw_sample(sample, latent, palette, count))

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Write the pictures, and log the super-categories."""
        if runner.rank != 0:
            return
        classes = runner.val_dataloader.dataset.metainfo["classes"]
        table = find_latent_classes(_model(runner)).table()
        runner.logger.info(
            "Super-categories found:\n" + describe(table, classes, self.threshold)
        )
        picture = draw_table(table, classes)
        runner.visualizer.add_image("latent_table", picture, step=runner.iter)
        if self._rows:
            picture = stack_rows(self._rows)
            runner.visualizer.add_image("latent_classes", picture, step=runner.iter)


def _model(runner: Runner) -> SemiSegmentor:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
