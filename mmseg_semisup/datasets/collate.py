"""Collates samples into batches with named branches."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import FUNCTIONS
from mmseg.structures import SegDataSample
from torch import Tensor


@FUNCTIONS.register_module()
def branch_collate(
    batch: Sequence[dict[str, dict[str, Any]]],
) -> dict[str, dict[str, Any]]:
    """Gather the samples of a batch by branch, in order.

    Args:
        batch: Samples of ``SemiDataset``: ``inputs`` and ``data_samples``, each a dict
            of branch to value. Samples of different sources have different branches.

    Returns:
        ``inputs``, a dict of branch to images, (N, 3, H, W), of the type that the
        pipeline gives, or to a list if their sizes differ; and ``data_samples``, a dict
        of branch to list.
    """
    collated: dict[str, dict[str, list[Any]]] = {"inputs": {}, "data_samples": {}}
    for sample in batch:
        for key, branches in sample.items():
            for branch, value in branches.items():
                collated[key].setdefault(branch, []).append(value)
    # A worker hands each tensor over by itself, and each is pinned by itself.
    inputs = {name: stacked(images) for name, images in collated["inputs"].items()}
    return {**collated, "inputs": inputs}


def stacked(images: Any) -> Any:
    """Images as one tensor, if they are tensors of one size and type.

    Args:
        images: One or more images, or a tensor of them.

    Returns:
        (N, ...), or the images themselves.
    """
    if isinstance(images, Tensor):
        return images
    if not all(isinstance(image, Tensor) for image in images):
        return images
    if len({(image.shape, image.dtype) for image in images}) > 1:
        return images
    return torch.stack(list(images))


def shallow(sample: SegDataSample) -> SegDataSample:
    """A sample with the same values, whose fields may be replaced.

    Args:
        sample: Stays as it is.
    """
    # SegDataSample.new copies every tensor of the metainfo.
    other = copy.copy(sample)
    other.__dict__["_data_fields"] = set(sample._data_fields)
    other.__dict__["_metainfo_fields"] = set(sample._metainfo_fields)
    return other
