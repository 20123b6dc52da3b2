"""A ring buffer for features of past steps, which is stored in checkpoints."""

from __future__ import annotations

from math import gcd
from typing import Any

import torch
import torch.nn as nn
from mmengine.dist import all_gather
from torch import Tensor

from .counter import Counter

GOLDEN = 0.6180339887498949
KNUTH = 2654435761


class MemoryBank(nn.Module):
    """Holds the newest feature vectors, each with a label.

    If every process pushes the result of :func:`gather_images`, all hold the same bank,
    which does not depend on their number; the checkpoint stores that of the first. The
    number of pushed vectors may differ from step to step, and after a resume.

    Args:
        capacity: Greatest number of vectors; 0: none are kept.
        channels: Length of a vector.

    Raises:
        ValueError: If the capacity is negative.
    """

    features: Tensor
    labels: Tensor

    def __init__(self, capacity: int, channels: int) -> None:
        super().__init__()
        if capacity < 0:
            raise ValueError(f"bank_size={capacity}; allowed: 0 (no bank) or more")
        self.register_buffer("features", torch.zeros(capacity, channels))
        self.register_buffer("labels", torch.zeros(capacity, dtype=torch.long))
        self.pushed = Counter()

    @property
    def capacity(self) -> int:
        """Greatest number of vectors."""
        return len(self.labels)

    def __len__(self) -> int:
        """Number of vectors."""
        return min(self.pushed.value, self.capacity)

    def content(self) -> tuple[Tensor, Tensor]:
        """Features (len, D), float32, and labels (len,), int64, in any order.

        They are views of the buffers: use them before the next push.
        """
        return self.features[: len(self)], self.labels[: len(self)]

    @torch.no_grad()
    def push(self, features: Tensor, labels: Tensor) -> None:
        """Store vectors in place of the oldest ones.

        Args:
            features: (n, D), float; only the last ``capacity`` ones are kept.
            labels: (n,), int64.
        """
        if self.capacity == 0:
            return
        skipped = max(len(labels) - self.capacity, 0)
        begin = (self.pushed.value + skipped) % self.capacity
        room = self.capacity - begin
        for ring, new in ((self.features, features), (self.labels, labels)):
            new = new[skipped:]
            ring[begin : begin + len(new[:room])].copy_(new[:room])
            ring[: len(new[room:])].copy_(new[room:])
        self.pushed.value += len(labels)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: object
    ) -> None:
        """Load a bank of another capacity: the newest vectors are kept, in order."""
        names = [f"{prefix}{name}" for name in ("features", "labels")]
        pushed = state_dict.get(f"{prefix}pushed._extra_state")
        if pushed is not None and all(name in state_dict for name in names):
            size = len(state_dict[names[1]])
            if size != self.capacity:
                kept = min(int(pushed), size, self.capacity)
                newest = (torch.arange(kept) + int(pushed) - kept) % max(size, 1)
                for name in names:
                    old = state_dict[name]
                    new = old.new_zeros(self.capacity, *old.shape[1:])
                    new[:kept] = old[newest.to(old.device)]
                    state_dict[name] = new
                state_dict[f"{prefix}pushed._extra_state"] = torch.tensor(kept)
        super()._load_from_state_dict(state_dict, prefix, *args)


def gather_images(rows: Tensor) -> Tensor:
    """Gather rows of all processes as constants, in the order of a single process.

    ``SourceSampler`` deals images to the processes in turn, so the first rows of all
    processes come first, then the second ones.

    Args:
        rows: (N, ...); the same shape in every process.

    Returns:
        (N * processes, ...), without gradient.
    """
    gathered = all_gather(rows.detach().contiguous())
    return torch.stack(gathered, dim=1).flatten(0, 1)


def spread_indices(size: int, count: int, step: int, device: torch.device) -> Tensor:
    """Choose evenly spread indices, different ones in each step.

    They are ``(start + i * stride) % size``: equal in all processes and after a resume,
    and computed without a generator and without waiting for the device.

    Args:
        size: Number of indices.
        count: Number of chosen indices; at most ``size``.
        step: Number of the step, which decides on the indices.
        device: Device of the result.

    Returns:
        (count,), int64, distinct, in 0..size-1.
    """
    stride = max(round(size * GOLDEN), 1)
    while gcd(stride, size) != 1:
        stride += 1
    start = step * KNUTH % size
    return (start + stride * torch.arange(count, device=device)) % size
