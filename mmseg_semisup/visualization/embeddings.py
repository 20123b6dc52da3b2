"""Draws features in two dimensions (Figure 3 of Lai et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from mmseg_semisup.compat import load_scikit_learn

from .legend import finish_picture
from .panels import titled_row

METHODS = ("pca", "tsne")
SIDE = 480
MARGIN = 16
FRAME = (200, 200, 200)


def flatten_features(features: Tensor, method: str = "pca") -> Tensor:
    """Project features to two dimensions.

    Args:
        features: (P, D), float, with P >= 2.
        method: 'pca' or 'tsne'.

    Returns:
        (P, 2), float, in 0..1.

    Raises:
        ValueError: If there is no such method, scikit-learn is missing, or there are
            too few features.
    """
    if method not in METHODS:
        raise ValueError(f"embeddings={method!r}; allowed: {METHODS}")
    if len(features) < 2:
        raise ValueError(f"{len(features)} features in the overlap; at least 2 needed")
    if method == "pca":
        centred = features.double() - features.double().mean(dim=0)
        _, _, axes = torch.linalg.svd(centred, full_matrices=False)
        flat = centred @ axes[:2].T
        if flat.shape[1] == 1:
            flat = torch.cat([flat, torch.zeros_like(flat)], dim=1)
    else:
        flat = torch.from_numpy(_tsne(features.float().cpu().numpy()))
    low, high = flat.amin(dim=0), flat.amax(dim=0)
    return ((flat - low) / (high - low).clamp(min=1e-12)).float()


def _tsne(features: np.ndarray) -> np.ndarray:
    manifold = load_scikit_learn("manifold", "embeddings='tsne'")
    perplexity = min(30.0, max((len(features) - 1) / 3, 1.0))
    tsne = manifold.TSNE(perplexity=perplexity, init="pca", random_state=0)
    return tsne.fit_transform(features)


def draw_features(
    views: dict[str, Tensor],
    labels: dict[str, Tensor],
    palette: Sequence[Sequence[int]],
    method: str = "pca",
    names: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw scatter plots of features of several views, in one common space.

    Args:
        views: Title to features (P, D), float.
        labels: Title to classes (P,), int64, which decide the colours.
        palette: Colour of each class, (R, G, B), in 0..255.
        method: 'pca' or 'tsne'.
        names: Names of all classes; None: no legend.

    Returns:
        (H, W, 3), uint8, RGB: the plots of the views side by side, above a legend of
        the classes in them.
    """
    flat = flatten_features(torch.cat(list(views.values())), method)
    parts = flat.split([len(features) for features in views.values()])
    colors = np.asarray(palette, np.uint8)
    plots = {}
    for (title, classes), points in zip(labels.items(), parts, strict=True):
        plot = np.full((SIDE, SIDE, 3), 255, np.uint8)
        places = MARGIN + points.cpu().numpy() * (SIDE - 2 * MARGIN)
        for place, label in zip(
            places.round().astype(int), classes.tolist(), strict=True
        ):
            color = tuple(int(c) for c in colors[label])
            cv2.circle(plot, tuple(map(int, place)), 3, color, -1, cv2.LINE_AA)
        cv2.rectangle(plot, (0, 0), (SIDE - 1, SIDE - 1), FRAME, 1)
        plots[title] = plot
    picture = titled_row(plots, height=SIDE)
    if names is None:
        return picture
    shown = torch.cat(list(labels.values())).unique().tolist()
    entries = {names[label]: colors[label].tolist() for label in shown}
    return finish_picture([picture], entries)
