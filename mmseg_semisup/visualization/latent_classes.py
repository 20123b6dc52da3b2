"""Describes and draws latent classes (Sawatzky et al., Figs. 6 to 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from matplotlib.figure import Figure
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.figures import draw_figure
from mmseg_semisup.models.objectives import LatentClassObjective
from mmseg_semisup.models.segmentors import SemiSegmentor

from .palette import default_palette
from .panels import color_labels, overlay, stack_rows, titled_row

INCHES_PER_CELL = 0.28


def find_latent_classes(model: nn.Module) -> LatentClassObjective:
    """The objective of a ``SemiSegmentor`` that has latent classes.

    Raises:
        ConfigError: If it has none.
    """
    for objective in getattr(model, "objectives", {}).values():
        if isinstance(objective, LatentClassObjective):
            return objective
    raise ConfigError(
        "the model has no LatentClassObjective among its objectives, so there are no "
        "latent classes to draw"
    )


def super_categories(
    table: Tensor, classes: Sequence[str], threshold: float = 0.5
) -> dict[int, list[str]]:
    """Group the classes that share a latent class.

    Args:
        table: P(l|c), (C, L), float, rows sum to 1.
        classes: C names.
        threshold: P(l|c) above which class c belongs to latent class l.

    Returns:
        Latent class to the names of its classes, for those that have any.
    """
    groups: dict[int, list[str]] = {}
    for latent, column in enumerate((table > threshold).T.tolist()):
        members = [name for name, inside in zip(classes, column, strict=True) if inside]
        if members:
            groups[latent] = members
    return groups


def describe(table: Tensor, classes: Sequence[str], threshold: float = 0.5) -> str:
    """The super-categories as lines such as ``latent class 3: cow + sheep + horse``."""
    groups = super_categories(table, classes, threshold)
    lines = [f"latent class {i}: {' + '.join(names)}" for i, names in groups.items()]
    grouped = {name for names in groups.values() for name in names}
    spread = [name for name in classes if name not in grouped]
    if spread:
        lines.append(
            f"in no latent class by more than {threshold}: {', '.join(spread)}"
        )
    return "\n".join(lines)


def draw_table(table: Tensor, classes: Sequence[str]) -> np.ndarray:
    """Draw P(l|c), a row for each class, a column for each latent class (Figs. 6, 7).

    Args:
        table: (C, L), float, in 0..1.
        classes: C names.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    rows, columns = table.shape
    size = (2.6 + INCHES_PER_CELL * columns, 1.1 + INCHES_PER_CELL * rows)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(table.cpu().numpy(), vmin=0, vmax=1, cmap="viridis")
    axes.set_yticks(range(rows), labels=list(classes))
    axes.set_xticks(range(columns))
    axes.tick_params(axis="x", labelsize=7)
    axes.set_xlabel("latent class l")
    figure.colorbar(image, ax=axes, label="P(l|c)", shrink=min(1.0, 8 / rows))
    return draw_figure(figure)


@torch.no_grad()
def latent_labels(model: SemiSegmentor, data_batch: dict[str, Any]) -> list[np.ndarray]:
    """The most probable latent class of each pixel of a batch.

    Args:
        model: A ``SemiSegmentor``, in evaluation mode.
        data_batch: A batch of a validation data loader.

    Returns:
        For each image (h, w), uint8, at the size of the network's input.
    """
    data = model.data_preprocessor(data_batch, False)
    maps = find_latent_classes(model).latent_maps(model.segmentor, data["inputs"])
    shapes = [sample.img_shape[:2] for sample in data["data_samples"]]
    arrays = maps.to(torch.uint8).cpu().numpy()
    return [array[:h, :w] for array, (h, w) in zip(arrays, shapes, strict=True)]


def draw_sample(
    sample: SegDataSample,
    latent: np.ndarray,
    palette: Sequence[Sequence[int]],
    num_latent: int,
    photos: bool = True,
) -> np.ndarray:
    """Draw image, ground truth, prediction and latent classes in a row (Figs. 8, 9).

    Args:
        sample: A prediction, with ``gt_sem_seg`` or without.
        latent: (h, w), uint8, from :func:`latent_labels`.
        palette: Colours of the classes.
        num_latent: Number of latent classes.
        photos: Whether to show the image and the ground truth; without, the picture
            holds nothing of the data set.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    colors = {"prediction": color_labels(_labels(sample, "pred_sem_seg"), palette)}
    colors["latent classes"] = color_labels(latent, default_palette(num_latent))
    if not photos:
        return titled_row(colors)
    if "gt_sem_seg" in sample:
        truth = color_labels(_labels(sample, "gt_sem_seg"), palette)
        colors = {"ground truth": truth, **colors}
    image = mmcv.imread(sample.img_path, channel_order="rgb")
    pictures = {"image": image}
    for title, colored in colors.items():
        size = image.shape[1::-1]
        resized = mmcv.imresize(colored, size, interpolation="nearest")
        pictures[title] = overlay(image, resized)
    return titled_row(pictures)


@torch.no_grad()
def draw_samples(
    model: SemiSegmentor, loader: DataLoader[Any], count: int, photos: bool = True
) -> np.ndarray:
    """Draw rows of :func:`draw_sample` for the first images of a data loader.

    Args:
        model: A ``SemiSegmentor``, in evaluation mode.
        loader: Validation data.
        count: Number of images.
        photos: As in :func:`draw_sample`.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    dataset: Any = loader.dataset
    palette = dataset.metainfo["palette"]
    num_latent = find_latent_classes(model).num_latent
    rows: list[np.ndarray] = []
    for batch in loader:
        results = model.val_step(batch)
        for sample, latent in zip(results, latent_labels(model, batch), strict=True):
            rows.append(draw_sample(sample, latent, palette, num_latent, photos))
        if len(rows) >= count:
            break
    return stack_rows(rows[:count])


def _labels(sample: SegDataSample, key: str) -> np.ndarray:
    return getattr(sample, key).data.squeeze(0).cpu().numpy()
