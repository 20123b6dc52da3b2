"""Makes pseudo-masks; threads load images and write masks while the network runs."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mmengine.dist import get_rank, get_world_size
from torch import Tensor

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.distributed import locked, on_main, stop_together
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.file_names import check_distinct
from mmseg_semisup.core.text import shorten
from mmseg_semisup.datasets.pseudo_mask_store import FORMAT, Store
from mmseg_semisup.datasets.read_image import pipeline_reader

from .images import Item, plan_batches
from .network import MaskPredictor
from .pictures import draw_samples
from .progress import (
    Progress,
    begin,
    compare_requests,
    end,
    open_journal,
    read_journals,
)
from .quality import write_quality
from .settings import MaskSettings
from .statistics import Statistics, load_truth, sum_by_source
from .writer import Finished, Writer

BATCHES_AHEAD = 2
BATCHES_BEHIND = 2
T = TypeVar("T")


def generate(
    predictor: MaskPredictor,
    items: Sequence[Item],
    folder: str | Path,
    settings: MaskSettings,
    checkpoint_hash: str,
    report: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Make pseudo-masks; all processes call this, and each makes its share.

    Args:
        predictor: The network.
        items: The images.
        folder: Folder of the store. Finished masks of an earlier run stay.
        settings: Settings of the masks.
        checkpoint_hash: SHA-256 of the network's checkpoint, in hexadecimal digits.
        report: Called with a line of progress at intervals.

    Returns:
        The manifest.

    Raises:
        StoreError: If an image cannot be used, the folder holds other masks, or a file
            cannot be written.
        ConfigError: If another run is at work in the folder.
    """
    store = Store(folder)
    with locked(folder):
        reader = pipeline_reader(predictor.pipeline)
        plan = on_main(lambda: plan_batches(items, settings.batch_size, reader))
        request = _request(predictor, plan, settings, checkpoint_hash)
        done = on_main(lambda: _prepare(store, plan, request))
        if done is not None:
            error = None
            try:
                with _explained(store):
                    _make_share(predictor, plan, done, store, settings, report)
            except Exception as failure:
                error = failure
            stop_together(error)
            on_main(lambda: _finish(store, plan, request))
        return on_main(store.read_manifest)


@contextmanager
def _explained(store: Store) -> Iterator[None]:
    """Explain the error of a disk that cannot be written."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error}. What is finished in {store.folder} stays: when the cause is "
            "gone, the same command goes on from there"
        ) from error


def _request(
    predictor: MaskPredictor,
    plan: Sequence[Sequence[Item]],
    settings: MaskSettings,
    checkpoint_hash: str,
) -> dict[str, Any]:
    """Everything that the masks depend on, for the manifest."""
    names = [[(item.id, item.source) for item in batch] for batch in plan]
    request = {
        "format": FORMAT,
        "checkpoint": checkpoint_hash,
        **settings.what_counts(),
        "test_cfg": predictor.test_cfg,
        "pipeline": predictor.pipeline,
        "classes": predictor.classes,
        "palette": predictor.palette,
        "number of images": sum(map(len, plan)),
        "list of images": hashlib.sha256(json.dumps(names).encode()).hexdigest(),
    }
    return json.loads(json.dumps(request, default=str))


def _prepare(
    store: Store, plan: Sequence[Sequence[Item]], request: Mapping[str, Any]
) -> set[int] | None:
    """Prepare the store; return the finished batches, None if all are finished."""
    if store.manifest_path.is_file():
        compare_requests(store, store.read_manifest(), request)
        return None
    with _explained(store):
        check_distinct(store.folder, [item.id for batch in plan for item in batch])
        begin(store, request)
    return set(read_journals(store, plan))


def _make_share(
    predictor: MaskPredictor,
    plan: Sequence[Sequence[Item]],
    done: Collection[int],
    store: Store,
    settings: MaskSettings,
    report: Callable[[str], None] | None,
) -> None:
    """Make this process's share of the remaining batches."""
    left = [number for number in range(len(plan)) if number not in done]
    mine = left[get_rank() :: get_world_size()]

    def count(numbers: Iterable[int]) -> int:
        return sum(len(plan[number]) for number in numbers)

    progress = Progress(count(done), count(mine), count(left), report)
    loading = ThreadPoolExecutor(settings.threads)
    writing = ThreadPoolExecutor(settings.threads)
    writer = Writer(store, predictor, settings.confidence)

    def load(item: Item) -> tuple[dict[str, Any], tuple[int, int], Tensor | None]:
        image = predictor.load(item)
        size = tuple(image["data_samples"].ori_shape)
        return image, size, load_truth(item, size, len(predictor.classes))

    def predict(
        batch: Sequence[Item], futures: Sequence[Future[Any]]
    ) -> list[Future[Finished]]:
        images, sizes, truths = zip(
            *(future.result() for future in futures), strict=True
        )
        shapes = {tuple(image["inputs"].shape) for image in images}
        if len(shapes) > 1:
            raise StoreError(
                f"images of one size have several after the test pipeline: "
                f"{sorted(shapes)}; among them {shorten([i.image for i in batch])}"
            )
        return writer.submit(writing, batch, predictor.logits(images), sizes, truths)

    started = ((n, [loading.submit(load, item) for item in plan[n]]) for n in mine)
    predicted = (
        (n, predict(plan[n], futures))
        for n, futures in _delayed(started, BATCHES_AHEAD)
    )
    try:
        with open_journal(store, get_rank()) as note:
            for number, futures in _delayed(predicted, BATCHES_BEHIND):
                images = [future.result() for future in futures]
                note(number, images)
                progress.advance(len(images))
    finally:
        loading.shutdown(wait=False, cancel_futures=True)
        writing.shutdown(wait=True, cancel_futures=True)


def _delayed(items: Iterable[T], count: int) -> Iterator[T]:
    """Yield the same items, each after ``count`` more have been produced."""
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def _finish(
    store: Store, plan: Sequence[Sequence[Item]], request: Mapping[str, Any]
) -> None:
    """Build the manifest from the journals of all processes."""
    lines = read_journals(store, plan)
    missing = [item.id for n in range(len(plan)) if n not in lines for item in plan[n]]
    if missing:
        raise StoreError(
            f"masks vanished from {store.folder} while others were made: "
            f"{shorten(missing)}; the same command makes them again"
        )
    totals = sum_by_source(
        (source, Statistics.from_json(values))
        for line in lines.values()
        for source, values in line["statistics"].items()
    )
    counts = sum(total.classes.sum(axis=0) for total in totals.values())
    confidence = sum(total.confidence for total in totals.values())
    images = [record for n in sorted(lines) for record in lines[n]["images"]]
    manifest = {
        **request,
        "made": time.strftime("%Y-%m-%d %H:%M:%S"),
        "pixels": dict(zip(request["classes"], counts.tolist(), strict=True)),
        "mean_confidence": confidence / max(int(counts.sum()), 1),
        "statistics": {source: total.to_json() for source, total in totals.items()},
        "images": sorted(images, key=lambda record: record["id"]),
    }
    with _explained(store):
        write_quality(totals, request["classes"], store.folder)
        items = [item for batch in plan for item in batch]
        atomic_write(store.folder / "samples.png", draw_samples(store, manifest, items))
        end(store, manifest)
