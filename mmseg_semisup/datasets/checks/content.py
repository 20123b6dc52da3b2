"""The full check, which loads every image and mask in several processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

import cv2
import numpy as np
from mmengine.dataset import BaseDataset

from mmseg_semisup.datasets.sources import leaves

from .files import check_content
from .labels import labeller
from .parts import Item, Part
from .problem import Problem
from .report import duration

CHUNK = 16
TRIAL = 24
"""Number of samples that are loaded first, to estimate the time of all."""

Task = tuple[int, int, Item]


def check_all(
    parts: Sequence[Part],
    readable: Mapping[Item, bool],
    problems: list[Problem],
    workers: int,
    report: Callable[[str], None],
) -> None:
    """Load every sample with valid headers, and fill the counts of the parts.

    Raises:
        RuntimeError: If a worker process dies.
    """
    datasets = [leaf for part in parts for leaf in leaves(part.dataset)]
    owners = [part for part in parts for _ in leaves(part.dataset)]
    tasks = _list_tasks(parts, datasets, owners, readable)
    if not tasks:
        return
    guess = _guess_seconds(tasks, datasets) / workers
    report(
        f"loading {len(tasks)} images with {workers} "
        f"process{'' if workers == 1 else 'es'}: about {duration(guess)}"
    )
    chunks = [tasks[i : i + CHUNK] for i in range(0, len(tasks), CHUNK)]
    found: dict[int, list[Problem]] = {}
    clock = Clock(len(tasks), report)
    for number, result in _run(chunks, datasets, workers):
        found[number] = result.problems
        for leaf, pixels in result.pixels.items():
            owners[leaf].pixels += pixels
            owners[leaf].images += result.images[leaf]
        clock.advance(len(chunks[number]))
    # In the order of the lists; a file in several lists is reported once.
    problems += dict.fromkeys(p for number in sorted(found) for p in found[number])


def missing_classes(parts: Sequence[Part]) -> list[Problem]:
    """Classes that no mask of a segmentor's training images shows."""
    labeled = [
        part
        for part in parts
        if part.trains and part.images.any() and labeller(part.dataset) is None
    ]
    if not labeled:
        return []
    shown = np.sum([part.images for part in labeled], axis=0)
    classes = labeled[0].dataset.metainfo.get("classes") or ()
    return [
        Problem("missing-class", f"no labelled image shows {name!r} (class {value})")
        for value, name in enumerate(classes)
        if shown[value] == 0
    ]


def _list_tasks(
    parts: Sequence[Part],
    datasets: Sequence[BaseDataset],
    owners: Sequence[Part],
    readable: Mapping[Item, bool],
) -> list[Task]:
    items = {part.name: iter(part.items) for part in parts}
    tasks: list[Task] = []
    images: set[Item] = set()
    for number, (leaf, part) in enumerate(zip(datasets, owners, strict=True)):
        for index in range(len(leaf)):
            item = next(items[part.name])
            # An image without a mask is loaded once; masks are counted for each source.
            if readable[item] and (item.mask is not None or item not in images):
                images.add(item)
                tasks.append((number, index, item))
    return tasks


def _guess_seconds(tasks: Sequence[Task], datasets: Sequence[BaseDataset]) -> float:
    """Estimate the time of one process, from a few samples across all lists."""
    trial = tasks[:: max(1, len(tasks) // TRIAL)]
    start = time.perf_counter()
    for number, index, item in trial:
        check_content(datasets[number], index, item)
    return (time.perf_counter() - start) / len(trial) * len(tasks)


@dataclass
class Result:
    """The result of a chunk; counts by number of the dataset, as in ``Part``."""

    problems: list[Problem] = field(default_factory=list)
    pixels: dict[int, np.ndarray] = field(default_factory=dict)
    images: dict[int, np.ndarray] = field(default_factory=dict)


def _check_chunk(chunk: Sequence[Task], datasets: Sequence[BaseDataset]) -> Result:
    result = Result()
    for number, index, item in chunk:
        problems, counts = check_content(datasets[number], index, item)
        result.problems += problems
        if counts is not None:
            result.pixels[number] = result.pixels.get(number, 0) + counts
            result.images[number] = result.images.get(number, 0) + (counts > 0)
    return result


def _run(
    chunks: Sequence[Sequence[Task]], datasets: Sequence[BaseDataset], workers: int
) -> Iterator[tuple[int, Result]]:
    if workers == 1:
        yield from ((i, _check_chunk(c, datasets)) for i, c in enumerate(chunks))
        return
    with ProcessPoolExecutor(
        workers, initializer=_start_worker, initargs=(datasets,)
    ) as pool:
        futures = {pool.submit(_work, chunk): i for i, chunk in enumerate(chunks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a process of the full data check died, perhaps for want of memory; "
                "try fewer workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_DATASETS: Sequence[BaseDataset] = ()
"""The datasets of a worker, which are sent to it once."""


def _start_worker(datasets: Sequence[BaseDataset]) -> None:
    global _DATASETS
    _DATASETS = datasets
    cv2.setNumThreads(0)


def _work(chunk: Sequence[Task]) -> Result:
    return _check_chunk(chunk, _DATASETS)


class Clock:
    """Reports progress at intervals.

    Args:
        total: Number of items.
        report: Called with a line of text.
        interval: Seconds between two lines.
    """

    def __init__(
        self, total: int, report: Callable[[str], None], interval: float = 5.0
    ) -> None:
        self.total, self.report, self.interval = total, report, interval
        self.done = 0
        self.start = self.last = time.perf_counter()

    def advance(self, number: int) -> None:
        """Count more items as done."""
        self.done += number
        now = time.perf_counter()
        if now - self.last >= self.interval and self.done < self.total:
            self.last = now
            left = (now - self.start) / self.done * (self.total - self.done)
            self.report(f"{self.done} of {self.total}, {duration(left)} left")
