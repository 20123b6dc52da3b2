"""Collates samples into batches with named branches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.registry import FUNCTIONS
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

LABEL_MAPS = ("gt_sem_seg", "gt_edge_map", "pseudo_sem_seg")
"""Fields of samples whose maps are labels, int64 for a model."""


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
        of branch to list, with label maps as :func:`narrowed` leaves them.
    """
    collated: dict[str, dict[str, list[Any]]] = {"inputs": {}, "data_samples": {}}
    for sample in batch:
        for key, branches in sample.items():
            for branch, value in branches.items():
                collated[key].setdefault(branch, []).append(value)
    # A worker hands each tensor over by itself, and each is pinned by itself.
    inputs = {name: stacked(images) for name, images in collated["inputs"].items()}
    samples = {name: narrowed(of) for name, of in collated["data_samples"].items()}
    return {**collated, "inputs": inputs, "data_samples": samples}


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


def narrowed(samples: Sequence[SegDataSample]) -> list[SegDataSample]:
    """Samples whose label maps take one byte a pixel on their way to the device.

    Maps with values outside 0..255 keep their type. :func:`widened` is the way back.

    Args:
        samples: They stay as they are.
    """
    return [_with_maps(sample, torch.int64, _as_bytes) for sample in samples]


def widened(samples: Sequence[SegDataSample]) -> list[SegDataSample]:
    """Samples whose label maps are int64, as losses need them.

    Args:
        samples: They stay as they are.
    """
    return [_with_maps(sample, torch.uint8, Tensor.long) for sample in samples]


def is_map(field: Any) -> bool:
    """Whether a field of a sample is a map, and nothing else."""
    return isinstance(field, PixelData) and field.keys() == ["data"]


def _with_maps(
    sample: SegDataSample, dtype: torch.dtype, change: Callable[[Tensor], Tensor]
) -> SegDataSample:
    changed = {}
    for key in LABEL_MAPS:
        field = sample.get(key)
        if is_map(field) and field.data.dtype == dtype:
            labels = change(field.data)
            if labels is not field.data:
                changed[key] = PixelData(data=labels)
    if not changed:
        return sample
    sample = shallow(sample)
    for key, field in changed.items():
        setattr(sample, key, field)
    return sample


def _as_bytes(labels: Tensor) -> Tensor:
    narrow = labels.to(torch.uint8)
    return narrow if torch.equal(narrow.long(), labels) else labels


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
