"""Maps positions in the training stream to a source, an image and a seed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Dataset, Sampler

from mmseg_semisup.core.text import suggest

from .dealt import Dealt
from .rare_classes import count_rare_classes


class SampleKey(NamedTuple):
    """Identifies one sample: any process or worker makes the same sample of it.

    Attributes:
        source: Name of the source.
        index: Image within the source.
        seed: Seed of the random augmentation, in 0..2**32-1.
        drawn_class: Class by which the image was drawn; None: by none.
    """

    source: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nothing calls
    seed: int
    drawn_class: int | None = None


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
        epoch: Source whose images make up an epoch, for mmengine's
            ``EpochBasedTrainLoop``; the last batch of an epoch is filled up. None: the
            stream never ends.
        rare_classes: Name of each source that is read by its classes, see
            :class:`~mmseg_semisup.datasets.rare_classes.RareClasses`, to the arguments
            ``temperature`` and ``share``; the frequencies are read from its masks.

    Raises:
        ValueError: If the sources of the dataset and of the ratio differ, there is no
            source ``epoch``, or a source cannot be read by its classes.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        ratio: Mapping[str, int],
        seed: int | None = None,
        epoch: str | None = None,
        rare_classes: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        sources = getattr(dataset, "sources", None)
        if sources is None:
            raise ValueError(
                f"SourceSampler draws from SemiDataset, not {type(dataset).__name__}"
            )
        if set(ratio) != set(sources):
            unknown = sorted(set(ratio) - set(sources))
            hint = suggest(unknown[0], sources) if unknown else ""
            raise ValueError(
                f"sampler.ratio names {sorted(ratio)}, but the dataset has the sources "
                f"{sorted(sources)}; {hint}they must be the same"
            )
        if not all(isinstance(n, int) and n > 0 for n in ratio.values()):
            raise ValueError(
                f"sampler.ratio={dict(ratio)}; allowed: whole numbers from 1; without "
                "images of a source, remove it from sources, too"
            )
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.ratio = dict(ratio)
        self.sizes = {name: len(source) for name, source in sources.items()}
        self.slots = [(name, i) for name, n in ratio.items() for i in range(n)]
        if epoch is not None and epoch not in self.sizes:
            raise ValueError(
                f"sampler.epoch={epoch!r}; allowed: one of {sorted(self.sizes)}"
            )
        self.epoch = epoch
        self._length = self._samples_of_an_epoch(len(self.slots))
        self._start = 0
        self.dealt = Dealt()
        self.first_epoch = 0
        self._orders: dict[str, tuple[tuple[int, int], list[int]]] = {}
        self.rare = {
            name: count_rare_classes(name, sources, **options)
            for name, options in (rare_classes or {}).items()
        }

    def __len__(self) -> int:
        """Samples of this process in an epoch; without one, images of all sources."""
        return self._length

    def __iter__(self) -> Iterator[SampleKey]:
        """Keys of this process, from the position of :meth:`skip` on."""
        position = self._start
        end = self._start + self._length if self.epoch is not None else None
        while end is None or position < end:
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
        """Start at an epoch, if the stream has epochs."""
        if self.epoch is not None:
            self._start = (epoch - self.first_epoch) * self._length

    def position(self, iterations: int, batch_size: int, epochs: int) -> int:
        """Samples that this process has dealt, with those before its origin.

        Args:
            iterations: Iterations that are done.
            batch_size: Samples of a batch of this process.
            epochs: Epochs that are done.
        """
        if self.epoch is None:
            return iterations * batch_size
        return (epochs - self.first_epoch) * self._length

    def deal_on(
        self, dealt: Dealt, iterations: int, batch_size: int, epochs: int
    ) -> None:
        """Go on with the samples that come next, whoever dealt those before.

        Args:
            dealt: The samples that come next.
            iterations: Iterations that are done.
            batch_size: Samples of a batch of this process.
            epochs: Epochs that are done.
        """
        self.first_epoch = 0 if self.epoch is None else epochs
        self.dealt = dealt.at(self.position(iterations, batch_size, epochs))

    def fill_batches(self, batch_size: int) -> None:
        """Fill the last batch of an epoch.

        Args:
            batch_size: Samples of a batch of this process.
        """
        self._length = self._samples_of_an_epoch(batch_size)

    def _samples_of_an_epoch(self, batch_size: int) -> int:
        if self.epoch is None:
            return sum(self.sizes.values())
        share = self.ratio[self.epoch] / len(self.slots)
        images = share * batch_size * self.world_size
        return math.ceil(self.sizes[self.epoch] / images) * batch_size

    def key(self, position: int) -> SampleKey:
        """The sample at a position of this process's stream."""
        # Before its origin, as a dry run asks, a stream is as it was at the beginning.
        dealt = self.dealt if position >= self.dealt.origin else Dealt()
        block, slot = divmod(position - dealt.origin, len(self.slots))
        source, offset = self.slots[slot]
        global_block = block * self.world_size + self.rank
        ordinal = dealt.ordinal(source, global_block * self.ratio[source] + offset)
        seed, rare = self._seed(source, ordinal), self.rare.get(source)
        if rare is None:
            return SampleKey(source, self._index(source, ordinal), seed)
        if rare.draws(ordinal):
            drawn = rare.draw(self._seed(f"{source}/class", ordinal))
            return SampleKey(source, drawn.image, seed, drawn.label)
        return SampleKey(source, self._index(source, rare.ordinal(ordinal)), seed)

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
