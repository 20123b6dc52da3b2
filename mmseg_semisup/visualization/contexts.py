"""Draws two crops, and the pixels that context-aware consistency pulls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_semisup.models.objectives import ContextContrastObjective
from mmseg_semisup.models.objectives.context_contrast import Pairs
from mmseg_semisup.models.segmentors import SemiSegmentor
from mmseg_semisup.models.step.step import Step
from mmseg_semisup.models.step.view import View

from .legend import finish_picture
from .panels import color_map, titled_row

MAPS = ("confidence", "confidence_second", "overlap", "pulled_first", "pulled_second")
BEYOND = (24, 24, 24)
NOT_PULLED = (150, 150, 150)
FIRST_PULLED = (240, 140, 30)
SECOND_PULLED = (60, 130, 230)
BOTH_PULLED = (255, 255, 255)
"""Colours of features outside the overlap, not pulled, and pulled; RGB."""

LEGEND = {
    "first pulled": FIRST_PULLED,
    "second pulled": SECOND_PULLED,
    "both pulled": BOTH_PULLED,
    "not pulled": NOT_PULLED,
    "outside the overlap": BEYOND,
}


def compare_contexts(
    model: SemiSegmentor, batch: Mapping[str, Any]
) -> tuple[ContextContrastObjective, Step, Pairs]:
    """Run a model on a training batch without gradients.

    Args:
        model: A ``SemiSegmentor``.
        batch: A batch as its data loader gives it.

    Returns:
        The objective that compares contexts, the step and its pairs of features.

    Raises:
        ValueError: If the model has no such objective.
    """
    objectives = model.objectives.values()
    found = [o for o in objectives if isinstance(o, ContextContrastObjective)]
    if not found:
        raise ValueError(
            "model.objectives has no ContextContrastObjective: there are no contexts "
            "to draw"
        )
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            step = model.make_step(**model.data_preprocessor(batch, True))
            return found[0], step, found[0].pair(step)
    finally:
        model.train(training)


def draw_contexts(
    model: SemiSegmentor, batch: Mapping[str, Any], count: int = 4
) -> np.ndarray:
    """Draw the two crops of images, their confidences, and the pulled features.

    Args:
        model: A ``SemiSegmentor`` with a ``ContextContrastObjective``.
        batch: A training batch as its data loader gives it.
        count: Greatest number of images.

    Returns:
        (H, W, 3), uint8, RGB: a row an image. Crops are bright where they overlap; the
        maps are those of the first crop, orange where its feature is pulled towards the
        second's, blue where the second's is pulled, white where both are (in a loss
        without direction), grey where none is.
    """
    objective, step, _ = compare_contexts(model, batch)
    maps = {name: step.signal(f"{objective.name}.{name}") for name in MAPS}
    first, second = (step[name] for name in objective.branches)
    seen = {first.name: _covered(first, second), second.name: _covered(second, first)}
    rows = []
    for i in range(min(count, len(first))):
        crops = {
            name: _dimmed(batch["inputs"][name][i], covered[i])
            for name, covered in seen.items()
        }
        size = crops[first.name].shape[:2]
        overlap = maps["overlap"][i, 0].cpu().numpy() > 0
        confidence = {
            title: _shaded(maps[name][i, 0], overlap if which else None)
            for which, (title, name) in enumerate(
                {
                    "confidence, first": "confidence",
                    "confidence, second": "confidence_second",
                }.items()
            )
        }
        pictures = {
            "first crop": crops[first.name],
            "second crop": crops[second.name],
            **confidence,
            "pulled features": _directions(maps, i, overlap),
        }
        rows.append(titled_row({k: _enlarge(v, size) for k, v in pictures.items()}))
    return finish_picture(rows, LEGEND, ["confidence"])


@HOOKS.register_module()
class ContextPictureHook(Hook):
    """Draws :func:`draw_contexts` of a training batch to the visualizer's backends.

    Args:
        interval: Iterations between two pictures.
        images: Number of images in a picture.
        name: Name of the picture.
    """

    def __init__(
        self, interval: int = 1000, images: int = 4, name: str = "contexts"
    ) -> None:
        self.interval = interval
        self.images = images
        self.name = name

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Draw a picture every ``interval`` iterations."""
        if runner.rank != 0 or not self.every_n_train_iters(runner, self.interval):
            return
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        picture = draw_contexts(model, data_batch, self.images)
        runner.visualizer.add_image(self.name, picture, step=runner.iter + 1)


def _covered(view: View, other: View) -> np.ndarray:
    """Pixels of a view that the other view shows, too, (N, H, W), bool."""
    covered, _ = view.warp_from(other, other.valid.long(), "nearest")
    return (covered.bool() & view.valid).cpu().numpy()


def _dimmed(image: Tensor, covered: np.ndarray) -> np.ndarray:
    """An image (3, H, W), uint8, BGR, as RGB; darker outside the overlap."""
    picture = image.cpu().permute(1, 2, 0).numpy()[..., ::-1]
    height, width = picture.shape[:2]
    covered = covered[:height, :width, None]
    return np.where(covered, picture, (picture * 0.35).astype(np.uint8))


def _shaded(values: Tensor, overlap: np.ndarray | None) -> np.ndarray:
    picture = color_map(values.float().cpu().numpy())
    if overlap is not None:
        picture[~overlap] = BEYOND
    return picture


def _directions(
    maps: Mapping[str, Tensor], index: int, overlap: np.ndarray
) -> np.ndarray:
    picture = np.empty((*overlap.shape, 3), np.uint8)
    picture[:] = BEYOND
    picture[overlap] = NOT_PULLED
    first, second = (
        maps[f"pulled_{name}"][index, 0].cpu().numpy() > 0
        for name in ("first", "second")
    )
    picture[first] = FIRST_PULLED
    picture[second] = SECOND_PULLED
    picture[first & second] = BOTH_PULLED
    return picture


def _enlarge(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_NEAREST)
