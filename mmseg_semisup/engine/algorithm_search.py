"""Lets cuDNN search for fast algorithms only for sizes of images that come often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

OFTEN = 10
"""Predictions of one shape in a validation, after which a search is worth its time."""


class AlgorithmSearch:
    """Switches ``torch.backends.cudnn.benchmark`` off for rare sizes of a validation.

    With it, cuDNN tries its algorithms on each new shape of each convolution, which
    takes as long as many predictions. Crops of a training have one shape, but
    photographs of a validation may each have their own.
    """

    def __init__(self) -> None:
        self._seen: Counter[Hashable] = Counter()

    @contextmanager
    def limited(self, batch: Any) -> Iterator[None]:
        """Search within a block only if the shape of its images has come often.

        Args:
            batch: As a loader gives it; without images, nothing is switched.
        """
        wanted = torch.backends.cudnn.benchmark
        shapes = _shapes(batch)
        self._seen[shapes] += 1
        if shapes and self._seen[shapes] <= OFTEN:
            torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = wanted


def _shapes(batch: Any) -> tuple[tuple[int, ...], ...]:
    images = batch.get("inputs") if isinstance(batch, Mapping) else None
    return tuple(tuple(image.shape) for image in images or ())
