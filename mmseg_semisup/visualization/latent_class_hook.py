"""Draws the table and the maps of latent classes at every validation."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmseg_semisup.models.segmentors import SemiSegmentor

from .latent_classes import (
    describe,
    draw_scenes,
    draw_table,
    find_latent_classes,
    latent_labels,
)


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
        self._samples: list[SegDataSample] = []
        self._latent: list[np.ndarray] = []

    def before_train(self, runner: Runner) -> None:
        """Check the model."""
        find_latent_classes(_model(runner))

    def before_val_epoch(self, runner: Runner) -> None:
        """Start a new picture."""
        self._samples, self._latent = [], []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Keep predictions and latent classes of the first ``images`` images."""
        left = self.images - len(self._samples)
        if runner.rank == 0 and left > 0:
            self._latent += latent_labels(_model(runner), data_batch)[:left]
            self._samples += outputs[:left]

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Write the pictures, and log the super-categories."""
        if runner.rank != 0:
            return
        meta = runner.val_dataloader.dataset.metainfo
        classes = meta["classes"]
        table = find_latent_classes(_model(runner)).table()
        runner.logger.info(
            "Super-categories found:\n" + describe(table, classes, self.threshold)
        )
        picture = draw_table(table, classes)
        runner.visualizer.add_image("latent_table", picture, step=runner.iter)
        if self._samples:
            picture = draw_scenes(
                self._samples,
                self._latent,
                table,
                classes,
                meta["palette"],
                threshold=self.threshold,
            )
            runner.visualizer.add_image("latent_classes", picture, step=runner.iter)
        self._samples, self._latent = [], []


def _model(runner: Runner) -> SemiSegmentor:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
