"""Maps positions in the training stream to a source, an image and a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Dataset, Sampler


class SampleKey(NamedTuple):
    """Identifies one sample: any process or worker makes the same sample of it.

    Attributes:
        source: Name of the source.
        index: Image within the source.
        seed: Seed of the random augmentation, in 0..2**32-1.
    """

    source: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nothing calls
    seed: int


@DATA_SAMPLERS.register_module()
class SourceSampler(Sampler[SampleKey]):
    """Endless stream of samples from several sources in a fixed proportion.

    Every block of ``sum(ratio)`` positions holds ``ratio[source]`` samples of each
    source. Each source is read in its own shuffled order, again and again, so either
    may be the shorter one. Blocks are dealt to the processes in turn: two processes
    with batches of 8 see the global batches of one with batches of 16.

    Args:
        dataset: A ``SemiDataset``.
        ratio: Name of each source to its number of samples in a block.
        seed: Seed of the order and of the augmentation; None: a random one that all
            processes share.

    Raises:
        ValueError: If the sources of the dataset and of the ratio differ.
    """

    def __init__(
        self, dataset: Dataset[Any], ratio: Mapping[str, int], seed: int | None = None
    ) -> None:
        sources = getattr(dataset, "sources", None)
        if sources is None:
            raise ValueError(
                f"SourceSampler draws from SemiDataset, not {type(dataset).__name__}"
            )
        if set(ratio) != set(sources):
            raise ValueError(
                f"sampler.ratio names {sorted(ratio)}, but the dataset has the sources "
                f"{sorted(sources)}; they must be the same"
            )
        if not all(isinstance(n, int) and n > 0 for n in ratio.values()):
            raise ValueError(f"sampler.ratio={dict(ratio)}: whole numbers from 1")
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.ratio = dict(ratio)
        self.sizes = {name: len(source) for name, source in sources.items()}
        self.slots = [(name, i) for name, n in ratio.items() for i in range(n)]
        self._size = sum(self.sizes.values())
        self._start = 0
        self._orders: dict[str, tuple[tuple[int, int], list[int]]] = {}

    def __len__(self) -> int:
        """Number of images in all sources."""
        return self._size

    def __iter__(self) -> Iterator[SampleKey]:
        """Keys of this process, from the position of :meth:`skip` on."""
        position = self._start
        while True:
            yield self.key(position)
            position += 1

    def skip(self, num_samples: int) -> None:
        """Start at a position of this process's stream, without reading or drawing.

        Raises:
            ValueError: If the position is negative.
        """
        if num_samples < 0:
            raise ValueError(f"SourceSampler.skip({num_samples}): must be at least 0")
        self._start = num_samples

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the stream has no epochs."""

    def key(self, position: int) -> SampleKey:
        """The sample at a position of this process's stream."""
        block, slot = divmod(position, len(self.slots))
        source, offset = self.slots[slot]
        global_block = block * self.world_size + self.rank
        ordinal = global_block * self.ratio[source] + offset
        return SampleKey(
            source, self._index(source, ordinal), self._seed(source, ordinal)
        )

    def _index(self, source: str, ordinal: int) -> int:
        epoch, place = divmod(ordinal, self.sizes[source])
        # After a resume the seed changes, if the config states none.
        if self._orders.get(source, (None,))[0] != (self.seed, epoch):
            generator = torch.Generator().manual_seed(self._seed(source, -1 - epoch))
            order = torch.randperm(self.sizes[source], generator=generator).tolist()
            self._orders[source] = ((self.seed, epoch), order)
        return self._orders[source][1][place]

    def _seed(self, source: str, ordinal: int) -> int:
        name = f"{self.seed}/{source}/{ordinal}".encode()
        digest = hashlib.blake2b(name, digest_size=4).digest()
        return int.from_bytes(digest, "little")
