"""Draws predictions and the maps of objectives at every validation."""

from __future__ import annotations

from typing import Any

import mmcv
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from .panels import color_labels, color_map, overlay, stack_rows, titled_row

SEGMENTATIONS = {"gt_sem_seg": "ground truth", "pred_sem_seg": "prediction"}


@HOOKS.register_module()
class SignalPictureHook(Hook):
    """Draws the first validation images to the visualizer's backends.

    Each row shows image, ground truth, prediction, and every map that the prediction
    carries; with ``model.test_cfg.signal_maps=True``, those are the objectives' maps.

    Args:
        images: Number of validation images to draw.
        name: Name of the picture.
    """

    def __init__(self, images: int = 4, name: str = "signals") -> None:
        self.images = images
        self.name = name
        self._rows: list[np.ndarray] = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Start a new picture."""
        self._rows = []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: list[SegDataSample] | None = None,
    ) -> None:
        """Draw the rows of this batch, up to ``images`` rows."""
        meta = runner.val_dataloader.dataset.metainfo
        for sample in outputs or []:
            if len(self._rows) == self.images:
                return
            self._rows.append(draw_sample(sample, meta["palette"]))

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Write the picture."""
        if self._rows and runner.rank == 0:
            picture = stack_rows(self._rows)
            runner.visualizer.add_image(self.name, picture, step=runner.iter)


def draw_sample(sample: SegDataSample, palette: list[list[int]]) -> np.ndarray:
    """Draw one row of the picture, (H', W', 3), uint8, RGB.

    Raises:
        ValueError: If the image of the sample cannot be read.
    """
    image = mmcv.imread(sample.img_path, channel_order="rgb")
    if image is None:
        raise ValueError(f"cannot read the image {sample.img_path}")
    pictures = {"image": image}
    for key, title in SEGMENTATIONS.items():
        if key in sample:
            labels = color_labels(_array(sample, key), palette)
            if labels.shape != image.shape:
                image = mmcv.imresize(image, labels.shape[1::-1])
            pictures[title] = overlay(image, labels)
    for key in sample.keys():  # noqa: SIM118
        value = getattr(sample, key)
        if key not in SEGMENTATIONS and tuple(value.shape) == image.shape[:2]:
            array = _array(sample, key)
            if array.ndim == 2:
                pictures[key] = color_map(array)
    return titled_row(pictures)


def _array(sample: SegDataSample, key: str) -> np.ndarray:
    return getattr(sample, key).data.squeeze(0).cpu().numpy()
