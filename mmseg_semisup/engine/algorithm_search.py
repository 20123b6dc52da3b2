"""Lets cuDNN search for fast algorithms only where predictions have few shapes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

MOST_SHAPES = 4
"""Shapes of a validation for which cuDNN searches."""


class AlgorithmSearch:
    """Switches ``torch.backends.cudnn.benchmark`` off where sizes are many.

    With it, cuDNN tries its algorithms on each new shape of each convolution, which
    takes as long as many predictions. Crops of a training have one shape, but
    photographs of a validation may each have their own. torch remembers what it has
    once chosen for a shape, so there is no search later, either.
    """

    def __init__(self) -> None:
        self._known: set[Hashable] = set()

    @contextmanager
    def limited(self, batch: Any) -> Iterator[None]:
        """Search within a block only for one of the first shapes.

        Args:
            batch: As a loader gives it; without images, nothing is switched.
        """
        wanted = torch.backends.cudnn.benchmark
        shapes = _shapes(batch.get("inputs") if isinstance(batch, Mapping) else None)
        if shapes and len(self._known) < MOST_SHAPES:
            self._known.add(shapes)
        if shapes and shapes not in self._known:
            torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = wanted


def _shapes(images: Any) -> tuple[Hashable, ...]:
    """Shapes of images, also of lists of their augmented versions; else empty."""
    if isinstance(images, Tensor):
        return tuple(images.shape)
    if isinstance(images, (list, tuple)):
        return tuple(map(_shapes, images))
    return ()
