"""Draws all views of a few images of a batch, with masks and mixed regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmseg_semisup.core.palette import class_palette
from mmseg_semisup.datasets.batched_appearance import changed, pixels_of
from mmseg_semisup.models.step.step import Step
from mmseg_semisup.models.step.view import View
from mmseg_semisup.visualization.legend import (
    IGNORED,
    LEAST_WIDTH,
    class_entries,
    draw_legend,
)
from mmseg_semisup.visualization.panels import paint, stack_rows, titled_row

IMAGES = 3
HEIGHT = 170
SMALLEST = 130
"""Least width of a picture in the row, in pixels, so that its title is readable."""
HATCH = (235, 235, 235), (150, 150, 150)
OUTLINE = (255, 255, 0), (0, 0, 0)
LEGEND_CLASSES = 30


class Shown(NamedTuple):
    """A view of a batch as pictures.

    Attributes:
        images: (N, H, W, 3), uint8, RGB.
        valid: (N, H, W), bool, False where pixels are padding.
        labels: (N, H, W), int64, masks; None: it has none.
        mixed: (N, H, W), bool, pixels that differ from the view before it was mixed;
            None: the view was not mixed.
    """

    images: np.ndarray
    valid: np.ndarray
    labels: np.ndarray | None = None
    mixed: np.ndarray | None = None


def draw_views(
    views: Mapping[str, Shown],
    groups: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]] | None,
    ignore_index: int = 255,
    count: int = IMAGES,
) -> np.ndarray:
    """Draw the views of the first images, one image a row.

    Args:
        views: Name to view.
        groups: Source to its views, which show the same images.
        classes: Names of the classes, for the legend.
        palette: Colours (R, G, B) of the classes, each in 0..255; None: made here.
        ignore_index: Label that is hatched.
        count: Greatest number of images of each source.

    Returns:
        (H, W, 3), uint8, RGB. Padding and ignored pixels are hatched in grey, regions
        that were pasted from another image are outlined in yellow.
    """
    colours = palette or class_palette(classes)
    rows: list[np.ndarray] = []
    masks: list[np.ndarray] = []
    for names in groups.values():
        there = [name for name in names if name in views]
        number = max((len(views[name].images) for name in there), default=0)
        for i in range(min(number, count)):
            pictures: dict[str, np.ndarray] = {}
            for name in there:
                view = views[name]
                if i >= len(view.images):
                    continue
                pictures[name] = _picture(view, i)
                if view.labels is not None:
                    masks.append(view.labels[i])
                    pictures[f"{name}: mask"] = _mask(
                        view.images[i], masks[-1], colours, ignore_index
                    )
            rows.append(titled_row({k: _wide(v) for k, v in pictures.items()}, HEIGHT))
    picture = stack_rows(rows)
    # Of many classes, only those that the masks show.
    shown = masks if len(classes) > LEGEND_CLASSES else []
    legend = class_entries(classes, colours, shown)
    legend.pop(IGNORED, None)
    legend |= {"padding or ignored": HATCH[1], "pasted from another image": OUTLINE[0]}
    width = max(picture.shape[1], LEAST_WIDTH)
    return stack_rows([picture, draw_legend(legend, width)])


def views_of_step(
    step: Step, names: Sequence[str], model: BaseModel
) -> tuple[dict[str, Shown], dict[str, str]]:
    """The views of a step, including those of mixed images.

    Args:
        step: A step that was taken.
        names: Names of the views of its batch.
        model: The model, with the preprocessor whose normalisation is undone.

    Returns:
        Name to view; and name of each mixed view to the view that it was made of: the
        one with the most equal pixels.
    """
    prepare = model.data_preprocessor
    shown = {name: show(step[name], prepare) for name in names}
    origins: dict[str, str] = {}
    for name in step.names:
        if name in shown:
            continue
        alike = {n: _equal_share(step[n], step[name]) for n in names}
        origin = max(alike, key=lambda n: alike[n])
        if alike[origin] > 0:
            origins[name] = origin
            shown[name] = show(step[name], prepare, step[origin])
    return shown, origins


def _equal_share(one: View, other: View) -> float:
    """Share of the pixels that are equal in two views, in 0..1."""
    if one.images.shape != other.images.shape:
        return 0.0
    return float((one.images == other.images).all(dim=1).float().mean())


def show(view: View, preprocessor: Any, original: View | None = None) -> Shown:
    """A view as pictures.

    Args:
        view: The view.
        preprocessor: What normalised its images.
        original: The view before its images were mixed, or None.
    """
    mixed = None
    if original is not None and original.images.shape == view.images.shape:
        mixed = (view.images != original.images).any(dim=1).cpu().numpy()
    images = to_pictures(view.images.detach().float(), preprocessor)
    if not view.samples or not view.has_labels:
        return Shown(images, view.valid.cpu().numpy(), mixed=mixed)
    # Ignored pixels are hatched in the picture of the mask alone.
    valid = np.zeros(images.shape[:3], bool)
    for i, sample in enumerate(view.samples):
        height, width = sample.img_shape[:2]
        valid[i, :height, :width] = True
    return Shown(images, valid, view.labels.cpu().numpy(), mixed)


def to_pictures(images: Tensor, preprocessor: Any) -> np.ndarray:
    """Undo the normalisation of images.

    Args:
        images: (N, C, H, W), float, normalised.
        preprocessor: mmseg's, with ``mean``, ``std`` and the order of the channels.

    Returns:
        (N, H, W, 3), uint8, RGB; of other than three channels, the first ones.
    """
    if getattr(preprocessor, "_enable_normalize", False):
        images = images * preprocessor.std + preprocessor.mean
    swapped = ("_channel_conversion", "channel_conversion")  # mmseg's, by version
    is_swapped = any(getattr(preprocessor, name, False) for name in swapped)
    if images.shape[1] != 3:
        images = _three(images)
    elif not is_swapped:
        # mmcv loads blue first.
        images = images.flip(1)
    pictures = images.round().clamp(0, 255).to(torch.uint8)
    return pictures.permute(0, 2, 3, 1).cpu().numpy()


def _three(images: Tensor) -> Tensor:
    """The first three channels of (N, C, H, W), or the first one as grey."""
    return images[:, :3] if images.shape[1] > 3 else images[:, :1].expand(-1, 3, -1, -1)


def views_of_batch(batch: Mapping[str, Any], ignore_index: int) -> dict[str, Shown]:
    """The views of a batch as the data loader gives it, without a model.

    Args:
        batch: ``inputs``, branch to images (3, H, W), uint8, BGR, and ``data_samples``.
        ignore_index: Label of padding.
    """
    shown = {}
    for name, samples in batch["data_samples"].items():
        images = changed(batch["inputs"][pixels_of(name, samples)], samples)
        size = tuple(max(image.shape[k] for image in images) for k in (1, 2))
        pictures = np.zeros((len(images), *size, 3), np.uint8)
        valid = np.zeros((len(images), *size), bool)
        labels = np.full((len(images), *size), ignore_index, np.int64)
        masked = all("gt_sem_seg" in sample for sample in samples)
        for i, (image, sample) in enumerate(zip(images, samples, strict=True)):
            height, width = image.shape[1:]
            # mmcv loads blue first; other channels are in their own order.
            rgb = image.flip(0) if len(image) == 3 else _three(image[None])[0]
            pictures[i, :height, :width] = rgb.permute(1, 2, 0).numpy()
            valid[i, :height, :width] = True
            if masked:
                labels[i, :height, :width] = sample.gt_sem_seg.data[0].numpy()
        shown[name] = Shown(pictures, valid, labels if masked else None)
    return shown


def _picture(view: Shown, i: int) -> np.ndarray:
    valid = _enlarged(view.valid[i].astype(np.uint8)) > 0
    picture = np.where(valid[..., None], _enlarged(view.images[i]), hatch(valid))
    picture = picture.astype(np.uint8)
    if view.mixed is not None:
        picture = _outlined(picture, view.mixed[i])
    return picture


def _mask(
    image: np.ndarray,
    labels: np.ndarray,
    colours: Sequence[Sequence[int]],
    ignore_index: int,
) -> np.ndarray:
    labels = _enlarged(labels.astype(np.uint8))
    picture = paint(labels, colours, _enlarged(image), ignore_index)
    ignored = (labels == ignore_index)[..., None]
    return np.where(ignored, hatch(labels), picture).astype(np.uint8)


def hatch(like: np.ndarray) -> np.ndarray:
    """Diagonal stripes of two greys, (H, W, 3), uint8.

    Args:
        like: (H, W), of any type.
    """
    height, width = like.shape
    period = max(4, round(height / 24))
    rows, columns = np.ogrid[:height, :width]
    light = ((rows + columns) // period % 2 == 0)[..., None]
    return np.where(light, *(np.array(c, np.uint8) for c in HATCH))


def _outlined(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Outline the regions of a mask, filling the holes where pixels happen to agree."""
    closed = cv2.morphologyEx(
        mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)
    )
    found, _ = cv2.findContours(
        _enlarged(closed), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    drawn = np.ascontiguousarray(picture)
    width = max(2, round(2 * picture.shape[0] / HEIGHT))
    found = [c for c in found if cv2.contourArea(c) >= 4 * width**2]
    for colour, thickness in zip(OUTLINE[::-1], (2 * width, width), strict=True):
        cv2.drawContours(drawn, found, -1, colour, thickness)
    return drawn


def _enlarged(picture: np.ndarray) -> np.ndarray:
    """A picture at no less than the height of the row, without smoothing."""
    height, width = picture.shape[:2]
    if height >= HEIGHT:
        return picture
    size = (round(width * HEIGHT / height), HEIGHT)
    return cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)


def _wide(picture: np.ndarray) -> np.ndarray:
    """The picture, widened with white for its title."""
    height, width = picture.shape[:2]
    least = round(SMALLEST * height / HEIGHT)
    missing = ((0, 0), (0, max(0, least - width)), (0, 0))
    return np.pad(picture, missing, constant_values=255)
