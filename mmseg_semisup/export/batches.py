"""Predicts many images: loads ahead, and puts images of one size into a batch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mmseg_semisup.core.errors import ImageFileError

from .predictor import PredictedImage

THREADS = 4
"""Threads that load images, or as many as there are cores."""
AHEAD = 2
"""Batches that are loaded while one is predicted."""
OPEN_BATCHES = 4
"""Incomplete batches of different sizes; the oldest is predicted before another."""

Work = tuple[Path, Path]
"""An image, and the path of its result below the results' folder."""


class BatchedPredictor(Protocol):
    """Loads images, and predicts those of one size together."""

    def load(self, path: str) -> dict[str, Any]:
        """Load an image; any thread may call this."""

    def predict(self, images: Sequence[Mapping[str, Any]]) -> list[PredictedImage]:
        """Predict images of one size."""


class Outcome(NamedTuple):
    """What became of an image.

    Attributes:
        work: The image, and the path of its result.
        found: Its prediction; None if there is none.
        reason: Why there is none, without the image's name.
    """

    work: Work
    found: PredictedImage | None
    reason: str = ""


def predict_batches(
    predictor: BatchedPredictor, work: Iterable[Work], batch_size: int = 1
) -> Iterator[Outcome]:
    """Predict images, those of one size together.

    The number of images in memory does not depend on the length of ``work``.

    Args:
        predictor: The network.
        work: The images.
        batch_size: Greatest number of images in a batch.

    Yields:
        The outcome of each image, in another order where sizes differ.
    """
    waiting: dict[Any, list[tuple[Work, dict[str, Any]]]] = {}
    for one, loaded in _loaded(predictor, work, batch_size * AHEAD):
        if isinstance(loaded, Exception):
            yield Outcome(one, None, _reason(loaded, one[0]))
            continue
        size = tuple(loaded["inputs"].shape)
        batch = waiting.setdefault(size, [])
        batch.append((one, loaded))
        if len(batch) == batch_size:
            yield from _predicted(predictor, waiting.pop(size))
        elif len(waiting) > OPEN_BATCHES:
            yield from _predicted(predictor, waiting.pop(next(iter(waiting))))
    for batch in waiting.values():
        yield from _predicted(predictor, batch)


def _loaded(
    predictor: BatchedPredictor, work: Iterable[Work], ahead: int
) -> Iterator[tuple[Work, dict[str, Any] | Exception]]:
    """The images in order, some of them loaded ahead."""
    threads = min(THREADS, os.cpu_count() or 1)
    pending: deque[tuple[Work, Future[dict[str, Any]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for one in work:
                pending.append((one, pool.submit(predictor.load, str(one[0]))))
                if len(pending) > ahead:
                    yield _result(*pending.popleft())
            while pending:
                yield _result(*pending.popleft())
        finally:
            for _, future in pending:
                future.cancel()


def _result(
    one: Work, future: Future[dict[str, Any]]
) -> tuple[Work, dict[str, Any] | Exception]:
    try:
        return one, future.result()
    except Exception as error:  # one bad image must not stop the others
        return one, error


def _predicted(
    predictor: BatchedPredictor, batch: Sequence[tuple[Work, dict[str, Any]]]
) -> Iterator[Outcome]:
    """The outcomes of a batch; after an error, its images are tried one by one."""
    try:
        found = predictor.predict([loaded for _, loaded in batch])
    except Exception as error:  # such as too little memory for a large image
        if len(batch) == 1:
            yield Outcome(batch[0][0], None, _reason(error, batch[0][0][0]))
            return
        for each in batch:
            yield from _predicted(predictor, [each])
        return
    for (one, _), prediction in zip(batch, found, strict=True):
        yield Outcome(one, prediction)


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, ImageFileError):
        return str(error).removeprefix(f"{path}: ")
    return f"{type(error).__name__}: {error}"
