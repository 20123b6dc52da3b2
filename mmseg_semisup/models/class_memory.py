"""Ring buffers of features for each class, which are stored in checkpoints."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from mmengine.dist import all_gather
from torch import Tensor


class ClassMemory(nn.Module):
    """Holds the newest feature vectors of each class.

    Every process pushes the vectors of all processes, so that all hold the same memory.
    Counts are on the device: the host never waits for it.

    Args:
        num_classes: C, the number of classes.
        capacity: Greatest number of vectors of a class, at least 1.
        channels: D, the length of a vector.

    Raises:
        ValueError: If the capacity is below 1.
    """

    features: Tensor
    pushed: Tensor

    def __init__(self, num_classes: int, capacity: int, channels: int) -> None:
        super().__init__()
        if capacity < 1:
            raise ValueError(f"memory_size={capacity}; allowed: 1 or more")
        features = torch.zeros(num_classes, capacity, channels)
        self.register_buffer("features", features)
        pushed = torch.zeros(num_classes, dtype=torch.long)
        self.register_buffer("pushed", pushed)

    @property
    def capacity(self) -> int:
        """Greatest number of vectors of a class."""
        return self.features.shape[1]

    @property
    def counts(self) -> Tensor:
        """Number of vectors of each class, (C,), int64."""
        return self.pushed.clamp(max=self.capacity)

    @torch.no_grad()
    def push(self, rows: Tensor, kept: Tensor) -> None:
        """Store vectors of all processes in place of the oldest ones.

        Args:
            rows: (C, R, D), float; of the same shape in every process.
            kept: (C, R), bool: the vectors that are stored.
        """
        rows = torch.cat(all_gather(rows.contiguous()), dim=1)
        kept = torch.cat(all_gather(kept.contiguous()), dim=1)
        # Kept rows come first, so that all of them have slots of their own.
        order = kept.byte().argsort(dim=1, descending=True, stable=True)
        order = order[:, : self.capacity]
        new = kept.sum(dim=1).clamp(max=self.capacity)
        places = torch.arange(order.shape[1], device=order.device)
        first = torch.arange(len(rows), device=order.device) * self.capacity
        slots = (self.pushed.unsqueeze(1) + places) % self.capacity + first[:, None]
        rows = rows.gather(1, order.unsqueeze(2).expand(-1, -1, rows.shape[2]))
        ring = self.features.flatten(0, 1)
        stored = (places < new.unsqueeze(1)).unsqueeze(2)
        rows = torch.where(stored, rows.to(ring.dtype), ring[slots])
        ring.index_copy_(0, slots.flatten(), rows.flatten(0, 1))
        self.pushed += new

    def draw(self, classes: Tensor, *shape: int) -> Tensor:
        """Vectors of classes, drawn with replacement.

        Args:
            classes: (K,), int64, in 0..C-1.
            shape: Number of vectors of each, in any number of dimensions.

        Returns:
            (K, *shape, D), float; zeros for a class that has no vectors.
        """
        wide = (-1, *[1] * len(shape))
        count = self.counts[classes].view(wide)
        chance = torch.rand(len(classes), *shape, device=classes.device)
        places = (chance * count).long().minimum((count - 1).clamp(min=0))
        first = (classes * self.capacity).view(wide)
        return self.features.flatten(0, 1)[first + places]

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: object
    ) -> None:
        """Load a memory of another capacity: the newest vectors are kept, in order."""
        features = state_dict.get(f"{prefix}features")
        pushed = state_dict.get(f"{prefix}pushed")
        if features is not None and pushed is not None and features.ndim == 3:
            size = features.shape[1]
            if size != self.capacity and len(features) == len(pushed):
                kept = pushed.clamp(max=min(size, self.capacity)).unsqueeze(1)
                places = torch.arange(self.capacity, device=pushed.device)
                source = (pushed.unsqueeze(1) - kept + places) % size
                wide = source.unsqueeze(2).expand(-1, -1, features.shape[2])
                new = features.gather(1, wide)
                new = new.masked_fill((places >= kept).unsqueeze(2), 0)
                state_dict[f"{prefix}features"] = new
                state_dict[f"{prefix}pushed"] = kept.squeeze(1)
        super()._load_from_state_dict(state_dict, prefix, *args)


def draw_members(mask: Tensor, count: int) -> Tensor:
    """Draw members of each set with replacement, without waiting for the device.

    Args:
        mask: (C, P), bool: the members of each of C sets.
        count: Number of draws of each set.

    Returns:
        (C, count), int64, in 0..P-1; any index for an empty set.
    """
    total = mask.sum(dim=1, keepdim=True)
    chance = torch.rand(len(mask), count, device=mask.device)
    return _members(mask, (chance * total).long().clamp(max=total - 1))


def spread_members(mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Choose evenly spread members of each set, all of them if they are few.

    Args:
        mask: (C, P), bool: the members of each of C sets.
        count: Greatest number of chosen members.

    Returns:
        Indices, (C, count), int64, in 0..P-1; and which of them count, (C, count),
        bool.
    """
    total = mask.sum(dim=1, keepdim=True)
    places = torch.arange(count, device=mask.device)
    ranks = places * total.clamp(min=count) // count
    return _members(mask, ranks.minimum(total - 1)), ranks < total


def _members(mask: Tensor, ranks: Tensor) -> Tensor:
    """Indices of the members with given ranks, from 0, in each set."""
    seen = mask.cumsum(dim=1, dtype=torch.int32)
    return torch.searchsorted(seen, (ranks + 1).int()).clamp(max=mask.shape[1] - 1)
