"""Compares trainings in a table and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.datasets.read_image import read_image, read_mask
from mmseg_semisup.export.plain_model import test_pipeline
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.visualization.legend import class_entries, finish_picture
from mmseg_semisup.visualization.lettering import fit_text, write_text
from mmseg_semisup.visualization.panels import color_labels, color_map

ZOOM = 3
GAP = 6
BAR = 26
Picture = np.ndarray
"""(H, W, 3), uint8, RGB."""


def make_table(miou: Mapping[str, Mapping[int, float]]) -> str:
    """Format the last and the best mIoU of each training; the first is the baseline.

    Args:
        miou: Validation mIoU in percent, by method and iteration.

    Returns:
        Lines of text.
    """
    width = max(len(name) for name in (*miou, "method"))
    lines = [f"{'method':{width}}  last mIoU  best mIoU  (at)   gain, last"]
    baseline = None
    for name, values in miou.items():
        if not values:
            lines.append(f"{name:{width}}  no validation")
            continue
        last = list(values.values())[-1]
        best_at = max(values, key=values.__getitem__)
        line = f"{name:{width}}  {last:9.1f}  {values[best_at]:9.1f}  {best_at:5d}"
        baseline = last if baseline is None else baseline
        if name != next(iter(miou)):
            line += f"  {last - baseline:+10.1f}"
        lines.append(line.rstrip())
    return "\n".join(lines)


class Painter:
    """Draws the predictions of trained models.

    Args:
        data_root: The generated data set.
        ids: Its validation images to draw.
        classes: Names of the classes.
        palette: Their colours, RGB.
    """

    def __init__(
        self,
        data_root: Path,
        ids: Sequence[str],
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
    ) -> None:
        self.classes = classes
        self.palette = palette
        self.paths = [data_root / "images" / f"{name}.png" for name in ids]
        images = [read_image(str(path), channel_order="rgb") for path in self.paths]
        masks = [read_mask(str(data_root / "masks" / f"{name}.png")) for name in ids]
        self.columns: list[tuple[str, list[Picture]]] = [
            ("image", images),
            ("ground truth", [color_labels(mask, palette) for mask in masks]),
        ]

    def add_model(self, title: str, cfg: Config, checkpoint: Path) -> None:
        """Add a column with predictions, and one with the training signal's map.

        Args:
            title: Title of the first column.
            cfg: Config of the training.
            checkpoint: Its checkpoint.
        """
        init_default_scope(cfg.get("default_scope", "mmseg"))
        model = MODELS.build(prepared_model(cfg))
        model.load_state_dict(load_checkpoint_file(checkpoint)["state_dict"])
        model.eval()
        pipeline = Compose(test_pipeline(cfg))
        packed = [pipeline(dict(img_path=str(path))) for path in self.paths]
        batch = {k: [sample[k] for sample in packed] for k in packed[0]}
        predictions = [
            color_labels(_array(sample.pred_sem_seg.data), self.palette)
            for sample in _predict(model, batch)
        ]
        self.columns.append((title, predictions))
        if len(model.objectives):
            # A discriminator judges the probabilities of the student.
            judged = "student" if model.teacher is None else "teacher"
            owner = "signal" if model.teacher is None else "teacher"
            model.configure_test(judged, signal_maps=True)
            maps = [
                color_map(_array(sample.confidence.data))
                for sample in _predict(model, batch)
            ]
            self.columns.append((f"its {owner}'s confidence", maps))

    def draw(self) -> Picture:
        """Draw all columns under their titles, above the legend."""
        columns = []
        for title, pictures in self.columns:
            enlarged = [_enlarge(picture) for picture in pictures]
            width = enlarged[0].shape[1]
            parts = [_bar(title, width)]
            for picture in enlarged:
                parts += [picture, _white(GAP, width)]
            column = np.concatenate(parts)
            columns += [column, _white(len(column), GAP)]
        body = np.concatenate(columns[:-1], axis=1)
        entries = class_entries(self.classes, self.palette)
        return finish_picture([body], entries, ["confidence"])


def save_picture(picture: Picture, path: Path) -> None:
    """Write a PNG.

    Raises:
        OSError: If that fails.
    """
    done, content = cv2.imencode(".png", picture[..., ::-1])
    if not done:
        raise OSError(f"cannot encode {path}")
    path.write_bytes(content.tobytes())


@torch.inference_mode()
def _predict(model: BaseSegmentor, batch: dict[str, Any]) -> list[SegDataSample]:
    return model.test_step(batch)


def _array(data: torch.Tensor) -> np.ndarray:
    return data.squeeze(0).cpu().numpy()


def _enlarge(picture: Picture) -> Picture:
    return picture.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)


def _white(height: int, width: int) -> Picture:
    return np.full((height, width, 3), 255, np.uint8)


def _bar(title: str, width: int) -> Picture:
    picture = _white(BAR, width)
    write_text(picture, fit_text(title, width - 4), 2, BAR // 2)
    return picture
