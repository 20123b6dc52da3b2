"""How data loaders feed a GPU, where a config does not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

PREFETCH_FACTOR = 4
"""Batches that a worker reads ahead, so that a slow file delays no step."""


def with_feeding(loader: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the config of a data loader for this machine.

    With CUDA, batches lie in pinned memory, from which copies need no wait, and workers
    stay between epochs and read further ahead. Without it, the config stays as it is.

    Args:
        loader: Config of a data loader; what it states stays.
    """
    if not torch.cuda.is_available():
        return dict(loader)
    made: dict[str, Any] = {"pin_memory": True}
    if loader.get("num_workers", 0) > 0:
        made.update(persistent_workers=True, prefetch_factor=PREFETCH_FACTOR)
    return {**made, **loader}
