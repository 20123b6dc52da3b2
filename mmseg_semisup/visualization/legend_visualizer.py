"""Paints samples of a validation or test as rows with titles and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmseg.registry import VISUALIZERS
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmseg_semisup.core.atomic_io import atomic_write

from .legend import class_entries, finish_picture, with_score
from .panels import OPACITY, encode_picture, paint, titled_row

LEAST_HEIGHT = 160


@VISUALIZERS.register_module()
class SegLegendVisualizer(SegLocalVisualizer):
    """MMSegmentation's visualizer, with a legend in place of names over the image.

    A sample becomes a row: image, ground truth if it is known, and prediction with the
    mean IoU of the image. Names over the image hide each other where classes meet.

    Args:
        name: Name of the visualizer.
        image: As in mmseg.
        vis_backends: Configs of the backends that get the pictures.
        save_dir: Folder of the backends.
        classes: Names of the classes; usually set by the data.
        palette: Their colours; usually set by the data.
        dataset_name: Name of a data set of mmseg with both.
        alpha: Opacity of the colours over a grey copy of the image, in 0..1.
    """

    def __init__(
        self,
        name: str = "visualizer",
        image: np.ndarray | None = None,
        vis_backends: Sequence[dict[str, Any]] | None = None,
        save_dir: str | None = None,
        classes: Sequence[str] | None = None,
        palette: Sequence[Sequence[int]] | None = None,
        dataset_name: str | None = None,
        alpha: float = OPACITY,
    ) -> None:
        super().__init__(
            name, image, vis_backends, save_dir, classes, palette, dataset_name, alpha
        )

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: SegDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
        with_labels: bool | None = True,
        with_image: bool | None = True,
    ) -> None:
        """Paint a sample, and give it to a window, a file or all backends.

        Args:
            name: Name of the picture.
            image: (H, W, 3), uint8, RGB.
            data_sample: The sample with ``gt_sem_seg``, ``pred_sem_seg`` or both.
            draw_gt: Whether to show the ground truth.
            draw_pred: Whether to show the prediction.
            show: Whether to open a window.
            wait_time: How long it stays open, in seconds.
            out_file: File to write, in place of the backends.
            step: Iteration, for the backends.
            with_labels: Whether to draw the legend.
            with_image: Whether to show the image, too.
        """
        classes, palette = (self.dataset_meta[key] for key in ("classes", "palette"))
        truth = _labels(data_sample, "gt_sem_seg")
        predicted = _labels(data_sample, "pred_sem_seg")
        pictures = {"image": image} if with_image else {}
        shown = []
        if truth is not None and draw_gt:
            pictures["ground truth"] = paint(truth, palette, image, share=self.alpha)
            shown.append(truth)
        if predicted is not None and draw_pred:
            title = with_score("prediction", predicted, truth, len(classes))
            pictures[title] = paint(predicted, palette, image, share=self.alpha)
            shown.append(predicted)
        row = titled_row(pictures or {"image": image}, max(LEAST_HEIGHT, len(image)))
        legend = with_labels and bool(shown)
        entries = class_entries(classes, palette, shown) if legend else {}
        drawn = finish_picture([row], entries)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            atomic_write(out_file, encode_picture(drawn, Path(out_file).suffix))
        else:
            self.add_image(name, drawn, step)


def _labels(sample: SegDataSample | None, key: str) -> np.ndarray | None:
    if sample is None or key not in sample:
        return None
    return getattr(sample, key).data.squeeze(0).cpu().numpy()
