"""Which samples of a stream are dealt already, when batches or processes change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Dealt:
    """The samples that come next in a stream, source by source.

    Each source is a sequence of samples, numbered by ordinals. A stream deals them in
    blocks to its processes; where that changes, processes may stand within a block, and
    leave gaps.

    Attributes:
        origin: Position of each process, in samples, from which on this counts.
        first: Source to the ordinal after which none is dealt yet.
        pending: Source to the ordinals before it that are not dealt either.
    """

    origin: int = 0
    first: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, list[int]] = field(default_factory=dict)

    def ordinal(self, source: str, number: int) -> int:
        """The ordinal of a sample.

        Args:
            source: Its source.
            number: How many samples of that source come between ``origin`` and it, in
                all processes.
        """
        pending = self.pending.get(source, ())
        if number < len(pending):
            return pending[number]
        return self.first.get(source, 0) + number - len(pending)

    def after(self, position: int, ratio: Mapping[str, int], processes: int) -> Dealt:
        """What comes next after each process has dealt samples.

        Args:
            position: Position of each process.
            ratio: Source to its samples in a block.
            processes: How many there are.

        Returns:
            The samples that come next; its ``origin`` is 0.
        """
        blocks, within = divmod(max(position - self.origin, 0), sum(ratio.values()))
        first, pending = dict(self.first), dict(self.pending)
        begin = 0
        for source, count in ratio.items():
            # Sources follow each other within a block.
            done = min(max(within - begin, 0), count)
            begin += count
            opened = blocks + (within > 0)
            left = [
                (blocks * processes + process) * count + offset
                for process in range(processes if within else 0)
                for offset in range(done, count)
            ]
            number = opened * processes * count
            rest = self.pending.get(source, [])[number:]
            pending[source] = [*(self.ordinal(source, n) for n in left), *rest]
            known = len(self.pending.get(source, ()))
            first[source] = self.ordinal(source, max(number, known))
        return Dealt(0, first, pending)

    def at(self, origin: int) -> Dealt:
        """The same samples, for processes that stand at a position."""
        return Dealt(origin, self.first, self.pending)

    def to_plain(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        pending = {source: list(ordinals) for source, ordinals in self.pending.items()}
        return dict(origin=self.origin, first=dict(self.first), pending=pending)
