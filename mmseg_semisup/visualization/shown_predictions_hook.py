"""Paints predictions on images of any channels and bits."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmseg_semisup.datasets.read_image import read_picture


@HOOKS.register_module()
class ShownPredictionsHook(SegVisualizationHook):
    """mmseg's ``SegVisualizationHook``, which itself reads photographs only.

    ``--show`` and ``--show-dir`` put it in the place of that.
    """

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any,
        outputs: Sequence[SegDataSample],
    ) -> None:
        """Paint the first image of a batch, at each interval."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._show("val", outputs[0], step)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any,
        outputs: Sequence[SegDataSample],
    ) -> None:
        """Paint all images of a batch."""
        for sample in outputs if self.draw else ():
            self._test_index += 1
            self._show("test", sample, self._test_index)

    def _show(self, when: str, sample: SegDataSample, step: int) -> None:
        self._visualizer.add_datasample(
            f"{when}_{osp.basename(sample.img_path)}",
            read_picture(sample.img_path),
            data_sample=sample,
            show=self.show,
            wait_time=self.wait_time,
            step=step,
        )
