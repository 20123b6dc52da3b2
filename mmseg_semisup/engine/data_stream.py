"""The position of a training in its data, in a checkpoint and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.utils.data import DataLoader

from mmseg_semisup.datasets.dealt import Dealt
from mmseg_semisup.datasets.sampler import SourceSampler

MOST_SLOTS = 10**6
"""Samples of one block of all processes."""
DEALING = ("batch_size", "processes", "ratio")
"""What decides which process gets which sample."""


def describe_stream(
    loader: DataLoader[Any], meta: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Plain values that say which samples a training has seen.

    Args:
        loader: Its data.
        meta: ``meta`` of the checkpoint, with iterations and epochs.

    Returns:
        The values; None for another sampler than ``SourceSampler``.
    """
    sampler = loader.sampler
    if not isinstance(sampler, SourceSampler):
        return None
    return {
        **_dealing(sampler, loader),
        "position": sampler.position(meta["iter"], _batch(loader), meta["epoch"]),
        "first_epoch": sampler.first_epoch,
        "dealt": sampler.dealt.to_plain(),
    }


def continue_stream(
    loader: DataLoader[Any], meta: Mapping[str, Any], stream: Mapping[str, Any]
) -> None:
    """Let a sampler go on where that of a checkpoint was.

    Args:
        loader: The data of the resumed training.
        meta: ``meta`` of the checkpoint.
        stream: The result of :func:`describe_stream`.

    Raises:
        KeyError: If a part is missing.
        TypeError: If a part has another type.
        ValueError: If a number is negative.
    """
    sampler = loader.sampler
    if not isinstance(sampler, SourceSampler):
        return
    dealt = Dealt(**stream["dealt"])
    numbers = [stream["position"], stream["first_epoch"], dealt.origin]
    numbers += [*dealt.first.values(), *sum(dealt.pending.values(), [])]
    numbers += [stream["processes"], *stream["ratio"].values()]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a number is negative, or none")
    if not 0 < stream["processes"] * sum(stream["ratio"].values()) <= MOST_SLOTS:
        raise ValueError("a block has no samples, or too many")
    if {key: stream[key] for key in DEALING} == _dealing(sampler, loader):
        sampler.dealt, sampler.first_epoch = dealt, stream["first_epoch"]
        return
    following = dealt.after(stream["position"], stream["ratio"], stream["processes"])
    sampler.deal_on(following, meta["iter"], _batch(loader), meta["epoch"])


def _batch(loader: DataLoader[Any]) -> int:
    # Only a loader with a sampler of whole batches has none.
    return loader.batch_size or 1


def _dealing(sampler: SourceSampler, loader: DataLoader[Any]) -> dict[str, Any]:
    values = (loader.batch_size, sampler.world_size, dict(sampler.ratio))
    return dict(zip(DEALING, values, strict=True))
