"""Describes and draws latent classes (Sawatzky et al., Figs. 6 to 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from matplotlib.figure import Figure
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.figures import draw_figure
from mmseg_semisup.core.palette import FIRST, default_palette
from mmseg_semisup.datasets.read_image import read_picture
from mmseg_semisup.models.objectives import LatentClassObjective
from mmseg_semisup.models.segmentors import SemiSegmentor

from .legend import class_entries, finish_picture, with_score
from .panels import paint, titled_row

INCHES_PER_CELL = 0.28
T = TypeVar("T")


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
    table: Tensor, classes: Sequence[T], threshold: float = 0.5
) -> dict[int, list[T]]:
    """Group the classes that share a latent class.

    Args:
        table: P(l|c), (C, L), float, rows sum to 1.
        classes: C names, or numbers.
        threshold: P(l|c) above which class c belongs to latent class l.

    Returns:
        Latent class to the names of its classes, for those that have any.
    """
    groups: dict[int, list[T]] = {}
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


def latent_palette(
    table: Tensor, palette: Sequence[Sequence[int]], threshold: float = 0.5
) -> list[list[int]]:
    """Colours of latent classes: that of its class, or a new one for several or none.

    So what a map shows in other colours than the prediction is what was grouped.

    Args:
        table: P(l|c), (C, L), float.
        palette: C colours (R, G, B), in 0..255.
        threshold: P(l|c) above which class c belongs to latent class l.

    Returns:
        L colours (R, G, B), in 0..255.
    """
    count = table.shape[1]
    own = {tuple(color) for color in palette}
    new = iter(
        color
        for color in default_palette(len(FIRST) + len(own) + count)[len(FIRST) :]
        if tuple(color) not in own
    )
    groups = super_categories(table, range(len(table)), threshold)
    members = [groups.get(latent, []) for latent in range(count)]
    return [
        list(palette[found[0]]) if len(found) == 1 else next(new) for found in members
    ]


def latent_entries(
    table: Tensor,
    classes: Sequence[str],
    colors: Sequence[Sequence[int]],
    shown: Sequence[np.ndarray],
    threshold: float = 0.5,
) -> dict[str, Sequence[int]]:
    """Entries of a legend: each latent class with the classes that it groups.

    Args:
        table: P(l|c), (C, L), float.
        classes: C names.
        colors: L colours, of :func:`latent_palette`.
        shown: Maps of latent classes (h, w), uint8; others have no entry.
        threshold: P(l|c) above which class c belongs to latent class l.

    Returns:
        Text such as ``3: cow + sheep`` to colour.
    """
    groups = super_categories(table, classes, threshold)
    seen = sorted({int(v) for one in shown for v in np.unique(one)})
    return {
        f"{i}: {' + '.join(groups.get(i, ['of no class']))}": colors[i] for i in seen
    }


def draw_sample(
    sample: SegDataSample,
    latent: np.ndarray,
    palette: Sequence[Sequence[int]],
    colors: Sequence[Sequence[int]],
    photos: bool = True,
) -> np.ndarray:
    """Draw image, ground truth, prediction and latent classes in a row (Figs. 8, 9).

    Args:
        sample: A prediction, with ``gt_sem_seg`` or without.
        latent: (h, w), uint8, from :func:`latent_labels`.
        palette: Colours of the classes.
        colors: Colours of the latent classes.
        photos: Whether to show the image and the ground truth; without, the picture
            holds nothing of the data set.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    predicted = _labels(sample, "pred_sem_seg")
    truth = _labels(sample, "gt_sem_seg") if "gt_sem_seg" in sample else None
    image = read_picture(sample.img_path) if photos else None
    pictures: dict[str, np.ndarray] = {}
    if image is not None:
        pictures["image"] = image
        if truth is not None:
            pictures["ground truth"] = paint(truth, palette, image)
    title = with_score("prediction", predicted, truth, len(palette))
    pictures[title] = paint(predicted, palette, image)
    pictures["latent classes"] = paint(latent, colors, image)
    return titled_row(pictures)


def draw_scenes(
    samples: Sequence[SegDataSample],
    latent: Sequence[np.ndarray],
    table: Tensor,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    photos: bool = True,
    threshold: float = 0.5,
) -> np.ndarray:
    """Draw a row of :func:`draw_sample` for each image, and the legends.

    Args:
        samples: Predictions.
        latent: For each (h, w), uint8, from :func:`latent_labels`.
        table: P(l|c), (C, L), float.
        classes: C names.
        palette: Colours of the classes.
        photos: As in :func:`draw_sample`.
        threshold: P(l|c) above which a class belongs to a latent class.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    colors = latent_palette(table, palette, threshold)
    rows = [
        draw_sample(sample, one, palette, colors, photos)
        for sample, one in zip(samples, latent, strict=True)
    ]
    keys = ("pred_sem_seg", "gt_sem_seg") if photos else ("pred_sem_seg",)
    labels = [_labels(s, key) for s in samples for key in keys if key in s]
    groups = latent_entries(table, classes, colors, latent, threshold)
    return finish_picture(
        rows, class_entries(classes, palette, labels), more={"latent classes": groups}
    )


@torch.no_grad()
def draw_samples(
    model: SemiSegmentor,
    loader: DataLoader[Any],
    count: int,
    photos: bool = True,
    threshold: float = 0.5,
) -> np.ndarray:
    """Draw :func:`draw_scenes` of the first images of a data loader.

    Args:
        model: A ``SemiSegmentor``, in evaluation mode.
        loader: Validation data.
        count: Number of images.
        photos: As in :func:`draw_sample`.
        threshold: P(l|c) above which a class belongs to a latent class.

    Returns:
        (H, W, 3), uint8, RGB.
    """
    dataset: Any = loader.dataset
    meta = dataset.metainfo
    table = find_latent_classes(model).table()
    samples: list[SegDataSample] = []
    latent: list[np.ndarray] = []
    for batch in loader:
        samples += model.val_step(batch)
        latent += latent_labels(model, batch)
        if len(samples) >= count:
            break
    return draw_scenes(
        samples[:count],
        latent[:count],
        table,
        meta["classes"],
        meta["palette"],
        photos,
        threshold,
    )


def _labels(sample: SegDataSample, key: str) -> np.ndarray:
    return getattr(sample, key).data.squeeze(0).cpu().numpy()
