"""Draws a training batch beside the data loader."""

from __future__ import annotations

import copy
import time
from typing import Any, NamedTuple

from torch.utils.data import DataLoader

from mmseg_semisup.datasets.sampler import SourceSampler
from mmseg_semisup.datasets.semi_dataset import SemiDataset, seeded


class Drawn(NamedTuple):
    """A batch, and the time of drawing it.

    Attributes:
        batch: The result of the collate function.
        seconds: Time of loading all of its samples, one after the other.
    """

    batch: dict[str, Any]
    seconds: float


def draw_batch(loader: DataLoader[Any], past: int = 0) -> Drawn:
    """Load a batch in this process.

    The loader's iterator and workers, its sampler and the global random generators are
    left alone.

    Args:
        loader: The training's data loader, with a batch size.
        past: Number of batches before it; with a ``SourceSampler`` whose seed is known,
            the training itself draws the same batch then.
    """
    dataset, size = loader.dataset, loader.batch_size or 1
    places: Any = range(min(size, len(dataset)))  # type: ignore[arg-type] # sized
    if isinstance(dataset, SemiDataset) and isinstance(loader.sampler, SourceSampler):
        sampler = copy.deepcopy(loader.sampler)
        places = [sampler.key(past * size + i) for i in range(size)]
    start = time.perf_counter()
    with seeded(0):
        samples = [dataset[place] for place in places]
    seconds = time.perf_counter() - start
    collate = loader.collate_fn
    return Drawn(samples if collate is None else collate(samples), seconds)
