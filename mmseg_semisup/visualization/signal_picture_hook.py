"""Draws predictions and the maps of objectives at every validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmseg_semisup.datasets.read_image import read_picture

from .legend import class_entries, finish_picture, with_score
from .panels import color_map, paint, titled_row

SEGMENTATIONS = ("pred_sem_seg", "gt_sem_seg")


@HOOKS.register_module()
class SignalPictureHook(Hook):
    """Draws the first validation images to the visualizer's backends.

    Each row shows image, ground truth, prediction with the mean IoU of the image, and
    every map that the prediction carries; with ``model.test_cfg.signal_maps=True``,
    those are the objectives' maps. Below are the legend and the scale of the maps.

    Args:
        images: Number of validation images to draw.
        name: Name of the picture.
    """

    def __init__(self, images: int = 4, name: str = "signals") -> None:
        self.images = images
        self.name = name
        self._samples: list[SegDataSample] = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Start a new picture."""
        self._samples = []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: list[SegDataSample] | None = None,
    ) -> None:
        """Keep the predictions of the first ``images`` images."""
        left = self.images - len(self._samples)
        self._samples += (outputs or [])[: max(left, 0)]

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Write the picture."""
        if self._samples and runner.rank == 0:
            meta = runner.val_dataloader.dataset.metainfo
            picture = draw_samples(self._samples, meta["classes"], meta["palette"])
            runner.visualizer.add_image(self.name, picture, step=runner.iter)
        self._samples = []


def draw_samples(
    samples: Sequence[SegDataSample],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> np.ndarray:
    """Draw a row of :func:`draw_sample` for each prediction, legend and scale.

    Args:
        samples: Predictions.
        classes: C names.
        palette: C colours (R, G, B), in 0..255.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    rows = [draw_sample(sample, palette) for sample in samples]
    labels = [_array(s, key) for s in samples for key in SEGMENTATIONS if key in s]
    maps = {name: None for sample in samples for name in _maps(sample)}
    return finish_picture(rows, class_entries(classes, palette, labels), list(maps))


def draw_sample(sample: SegDataSample, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Draw one row of the picture, (H', W', 3), uint8, RGB.

    Raises:
        ImageFileError: If the image of the sample cannot be read.
    """
    image = read_picture(sample.img_path)
    pictures = {"image": image}
    truth = _array(sample, "gt_sem_seg") if "gt_sem_seg" in sample else None
    if truth is not None:
        pictures["ground truth"] = paint(truth, palette, image)
    if "pred_sem_seg" in sample:
        labels = _array(sample, "pred_sem_seg")
        title = with_score("prediction", labels, truth, len(palette))
        pictures[title] = paint(labels, palette, image)
    for name in _maps(sample):
        pictures[name] = color_map(_array(sample, name))
    return titled_row(pictures)


def _maps(sample: SegDataSample) -> list[str]:
    """Names of the maps of one channel that a prediction carries."""
    shape = next(
        (getattr(sample, key).shape for key in SEGMENTATIONS if key in sample), None
    )
    return [
        key
        for key in sample.keys()  # noqa: SIM118
        if key not in SEGMENTATIONS
        and getattr(sample, key).shape == shape
        and _array(sample, key).ndim == 2
    ]


def _array(sample: SegDataSample, key: str) -> np.ndarray:
    return getattr(sample, key).data.squeeze(0).cpu().numpy()
