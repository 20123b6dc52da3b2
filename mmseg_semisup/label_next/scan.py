"""Scores many images, a file of scores for each chunk of them, so that it resumes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.atomic_io import atomic_write, remove_partial_files
from mmseg_semisup.core.errors import ConfigError, DataError, StoreError
from mmseg_semisup.core.records import RecordError, read_record
from mmseg_semisup.datasets.image_headers import Reader, image_size
from mmseg_semisup.datasets.read_image import pipeline_reader
from mmseg_semisup.pseudo_masks.images import Item
from mmseg_semisup.pseudo_masks.progress import Progress, differences

from .scorer import Scorer, Scores

CHUNK = 128
"""Images of a file of scores: as many are scored again after an interruption."""
REQUEST = "request.json"
FAILED, REASONS = "failed", "reasons"


class Chunk(NamedTuple):
    """The scores of consecutive images.

    Attributes:
        scores: Scores of those that could be used, in their order.
        failed: Positions of the others within the chunk.
        reasons: Why they could not be used.
    """

    scores: Scores
    failed: list[int]
    reasons: list[str]


class ScoreFiles:
    """The scores of a list of images, in a folder.

    Args:
        folder: The folder.
        name: Beginning of the files' names.
        count: Number of images.
    """

    def __init__(self, folder: Path, name: str, count: int) -> None:
        self.folder, self.name, self.count = folder, name, count

    @property
    def chunks(self) -> list[range]:
        """Positions of the images of each chunk."""
        starts = range(0, self.count, CHUNK)
        return [range(s, min(s + CHUNK, self.count)) for s in starts]

    def path(self, number: int) -> Path:
        """File of a chunk."""
        return self.folder / f"{self.name}_{number:05d}.npz"

    def write(self, number: int, chunk: Chunk) -> None:
        """Write the scores of a chunk.

        Raises:
            WriteError: If the file cannot be written.
        """
        texts = json.dumps(chunk.reasons).encode()
        arrays: dict[str, Any] = {
            **chunk.scores._asdict(),
            FAILED: np.array(chunk.failed, np.int64),
            REASONS: np.frombuffer(texts, np.uint8),
        }
        content = io.BytesIO()
        np.savez(content, **arrays)
        atomic_write(self.path(number), content.getvalue())

    def read(self, number: int) -> Chunk | None:
        """Read the scores of a chunk; None if they are missing or damaged."""
        try:
            with np.load(self.path(number), allow_pickle=False) as file:
                scores = Scores._make(file[name] for name in Scores._fields)
                failed = file[FAILED].tolist()
                reasons = json.loads(file[REASONS].tobytes())
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            return None
        lengths = {len(values) for values in scores}
        whole = len(self.chunks[number]) - len(failed)
        return Chunk(scores, failed, reasons) if lengths == {whole} else None

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], Chunk]]:
        """Positions of the images that were scored, and each chunk, in order.

        Raises:
            StoreError: If a chunk is missing.
        """
        for number, positions in enumerate(self.chunks):
            chunk = self.read(number)
            if chunk is None:
                raise StoreError(
                    f"{self.path(number)} is missing or damaged; the same command "
                    "makes it again"
                )
            kept = np.delete(np.array(positions, np.int64), chunk.failed)
            yield kept, chunk


def begin(folder: Path, request: Mapping[str, Any]) -> None:
    """Prepare a folder for scores, or go on with those that it holds.

    Args:
        folder: The folder.
        request: Everything that the scores depend on, for JSON.

    Raises:
        ConfigError: If it holds scores of something else.
    """
    request = json.loads(json.dumps(request, default=str))
    path = folder / REQUEST
    remove_partial_files(folder)
    if path.is_file():
        try:
            begun = read_record(path, {str: object})
        except RecordError as error:
            raise ConfigError(
                f"{path} does not say how the scores were made: {error}; remove "
                f"{folder}"
            ) from error
        differing = differences(begun, request)
        if differing:
            raise ConfigError(
                f"{folder} holds scores that were made in another way: {differing}. "
                "Choose another folder, or remove this one"
            )
    elif folder.is_dir() and any(folder.glob("*.npz")):
        raise ConfigError(
            f"{folder} holds files, and nothing says how they were made; remove it"
        )
    atomic_write(path, json.dumps(request, indent=1).encode())


def list_digest(items: Sequence[Item]) -> str:
    """SHA-256 of the paths of images, in hexadecimal digits."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(item.image.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def scan(
    scorer: Scorer,
    items: Sequence[Item],
    files: ScoreFiles,
    batch_size: int = 8,
    threads: int = 4,
    report: Callable[[str], None] | None = None,
) -> None:
    """Score images; those of finished chunks are not scored again.

    Memory does not grow with the number of images. An image that cannot be used is
    noted in its chunk, and the others are scored.

    Args:
        scorer: The networks.
        items: The images.
        files: Where to keep the scores.
        batch_size: Greatest number of images of one size in a pass of a network.
        threads: Number of threads that load images.
        report: Called with a line of progress at intervals.

    Raises:
        WriteError: If a file cannot be written.
    """
    chunks = files.chunks
    left = [n for n in range(len(chunks)) if files.read(n) is None]
    waiting = sum(len(chunks[n]) for n in left)
    made = f"{files.name} images"
    progress = Progress(len(items) - waiting, waiting, waiting, report, made)
    reader = pipeline_reader(scorer.pipeline)
    with ThreadPoolExecutor(threads) as pool:
        for number in left:
            images = [items[position] for position in chunks[number]]
            chunk = _score_chunk(scorer, images, batch_size, pool, reader, progress)
            files.write(number, chunk)


def _score_chunk(
    scorer: Scorer,
    items: Sequence[Item],
    batch_size: int,
    pool: ThreadPoolExecutor,
    reader: Reader,
    progress: Progress,
) -> Chunk:
    """Score the images of a chunk, those of equal size together."""
    failed: dict[int, str] = {}
    sizes: dict[int, tuple[int, int]] = {}
    for index, found in enumerate(pool.map(lambda i: _size_of(i, reader), items)):
        if isinstance(found, str):
            failed[index] = found
        else:
            sizes[index] = found
    order = sorted(sizes, key=lambda index: (sizes[index], index))
    parts: dict[int, Scores] = {}
    for indices, images in _loaded(scorer, items, order, batch_size, pool):
        usable = {}
        for index, image in zip(indices, images, strict=True):
            if isinstance(image, str):
                failed[index] = image
            else:
                usable[index] = image
        shapes = {i: _shape_of(image) for i, image in usable.items()}
        for _, group in groupby(sorted(usable, key=shapes.__getitem__), shapes.get):
            batch = list(group)
            scores = scorer.score([usable[i] for i in batch])
            for place, index in enumerate(batch):
                parts[index] = Scores._make(v[place : place + 1] for v in scores)
        progress.advance(len(indices))
    if len(order) < len(items):
        progress.advance(len(items) - len(order))
    done = [parts[index] for index in sorted(parts)]
    scores = (
        Scores._make(map(np.concatenate, zip(*done, strict=True))) if done else _none()
    )
    return Chunk(scores, sorted(failed), [failed[index] for index in sorted(failed)])


def _loaded(
    scorer: Scorer,
    items: Sequence[Item],
    order: Sequence[int],
    batch_size: int,
    pool: ThreadPoolExecutor,
) -> Iterator[tuple[list[int], list[dict[str, Any] | str]]]:
    """Load windows of images while the window before is scored."""
    waiting: deque[tuple[list[int], list[Future[dict[str, Any] | str]]]] = deque()
    for start in range(0, len(order), batch_size):
        indices = list(order[start : start + batch_size])
        waiting.append(
            (indices, [pool.submit(_load, scorer, items[i]) for i in indices])
        )
        if len(waiting) > 1:
            ready, futures = waiting.popleft()
            yield ready, [future.result() for future in futures]
    for ready, futures in waiting:
        yield ready, [future.result() for future in futures]


def _load(scorer: Scorer, item: Item) -> dict[str, Any] | str:
    """An image, or why it cannot be used."""
    try:
        return scorer.load(item)
    except StoreError as error:
        return str(error).removeprefix(f"{item.image}: ")


def _shape_of(image: Mapping[str, Any]) -> tuple[int, ...]:
    """Shape of the network's input, and size of the image's file."""
    return (*image["inputs"].shape, *image["data_samples"].ori_shape)


def _size_of(item: Item, reader: Reader) -> tuple[int, int] | str:
    """Height and width of an image, or why it cannot be used."""
    try:
        return image_size(item.image, reader)
    except DataError as error:
        return str(error).removeprefix(f"{item.image}: ")


def _none() -> Scores:
    empty = np.zeros(0, np.float32)
    flat = np.zeros((0, 0), np.float32)
    return Scores(empty, empty, empty, flat, flat.astype(np.float16))
