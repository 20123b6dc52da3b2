"""Collates samples into batches with named branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.registry import FUNCTIONS


@FUNCTIONS.register_module()
def branch_collate(
    batch: Sequence[dict[str, dict[str, Any]]],
) -> dict[str, dict[str, Any]]:
    """Gather the samples of a batch by branch, in order.

    Args:
        batch: Samples of ``SemiDataset``: ``inputs`` and ``data_samples``, each a dict
            of branch to value. Samples of different sources have different branches.

    Returns:
        ``inputs`` and ``data_samples``, each a dict of branch to list.
    """
    collated: dict[str, dict[str, list[Any]]] = {"inputs": {}, "data_samples": {}}
    for sample in batch:
        for key, branches in sample.items():
            for branch, value in branches.items():
                collated[key].setdefault(branch, []).append(value)
    return collated
