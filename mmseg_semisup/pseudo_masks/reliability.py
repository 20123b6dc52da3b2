"""Ranks images by the agreement of a network with earlier ones.

Yang et al., ST++: Make Self-training Work Better for Semi-supervised Semantic
Segmentation, CVPR 2022, https://arxiv.org/abs/2106.05095, section 3.2, Eq. 2: the
reliability of an image is the mean IoU of the predictions of earlier checkpoints with
that of the last one, averaged over the earlier ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object, get_rank, get_world_size
from torch import Tensor

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.distributed import on_main, stop_together
from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.records import RecordError, read_record
from mmseg_semisup.datasets.pseudo_mask_store import Store, check_classes
from mmseg_semisup.datasets.read_image import pipeline_reader
from mmseg_semisup.datasets.sources import file_key

from .images import Item, list_items, plan_batches
from .network import BatchPredictor
from .settings import Settings

RANKING = "reliability.json"
LIST = "reliability.txt"
"""The images of the ranking, the most reliable first, a path in each line."""
FORM = {
    "checkpoint": str,
    "networks": [str],
    "images": [{"id": str, "image": str, "reliability": float}],
}
"""Of a ranking, see :mod:`~mmseg_semisup.core.records`."""


def agreement(first: Tensor, second: Tensor, num_classes: int) -> float:
    """Mean IoU of two label maps; classes that neither has are left out.

    Args:
        first: (H, W), uint8, in 0..C-1.
        second: (H, W), uint8, in 0..C-1.
        num_classes: C.

    Returns:
        The mean, in 0..1.

    Example:
        >>> one = torch.tensor([[0, 0, 1, 1]], dtype=torch.uint8)
        >>> other = torch.tensor([[0, 1, 1, 1]], dtype=torch.uint8)
        >>> round(agreement(one, other, 3), 4)
        0.5833
    """
    pairs = first.long().flatten() * num_classes + second.long().flatten()
    counts = torch.bincount(pairs, minlength=num_classes**2)
    counts = counts.view(num_classes, num_classes).double()
    both = counts.diagonal()
    either = counts.sum(dim=0) + counts.sum(dim=1) - both
    return float((both[either > 0] / either[either > 0]).mean())


def reliable_items(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    settings: Settings,
    data_cfg: Config,
    checkpoint_hash: str,
    device: str | torch.device = "cpu",
    trust: bool = False,
    report: Callable[[str], None] | None = None,
) -> list[Item]:
    """The most reliable images of a training; all processes call this.

    The ranking is written once; a later call reads it.

    Args:
        cfg: Config of the networks.
        checkpoint: Their checkpoint.
        folder: Folder for the ranking.
        settings: ``judges`` are compared with ``network``; ``share`` of the images are
            taken, rounded down, but one at least.
        data_cfg: Config whose ``sources`` are ranked.
        checkpoint_hash: SHA-256 of the checkpoint.
        device: Where to run.
        trust: As in :func:`load_checkpoint_file`.
        report: Called with a line when the ranking is finished.

    Returns:
        The images, in the order of the sources.

    Raises:
        StoreError: If an image cannot be used, or the folder has another ranking.
    """
    items, meta = list_items(data_cfg, settings.sources)
    path = Path(folder) / RANKING
    networks = [settings.network, *settings.judges]
    ranking = on_main(lambda: _read(path, checkpoint_hash, networks, items))
    if ranking is None:
        state = load_checkpoint_file(checkpoint, trust=trust)
        plain = replace(settings, scales=(1.0,), flip=False, judges=(), share=1.0)
        predictors = [
            BatchPredictor(cfg, state, replace(plain, network=name), device)
            for name in networks
        ]
        classes = predictors[0].classes
        check_classes(classes, meta.get("classes") or (), str(checkpoint))
        values = _measure(predictors, items, settings)
        ranking = sorted(
            (
                {"id": item.id, "image": item.image, "reliability": values[item.id]}
                for item in items
            ),
            key=lambda entry: (-entry["reliability"], entry["id"]),
        )
        record = {
            "checkpoint": checkpoint_hash,
            "networks": networks,
            "images": ranking,
        }
        on_main(lambda: _write(path, record))
    count = max(1, int(len(items) * settings.share))
    chosen = {entry["id"] for entry in ranking[:count]}
    if report is not None:
        first, last = (ranking[i]["reliability"] for i in (0, count - 1))
        report(
            f"{count} of {len(items)} images are labelled, of a reliability of "
            f"{first:.3f} to {last:.3f}; all are in {path.with_name(LIST)}"
        )
    return [item for item in items if item.id in chosen]


def remaining_items(
    data_cfg: Config, sources: Sequence[str], store: str | Path
) -> list[Item]:
    """The images of a training that a store has no masks of.

    Args:
        data_cfg: Config of the training.
        sources: Names of its sources.
        store: Folder of the store.

    Raises:
        StoreError: If the store cannot be read, or has masks of all images.
    """
    items, _ = list_items(data_cfg, sources)
    manifest = Store(store).read_manifest()
    taken = {file_key(record["image"]) for record in manifest["images"]}
    left = [item for item in items if file_key(item.image) not in taken]
    if not left:
        raise StoreError(f"{store} has masks of all {len(items)} images; none is left")
    return left


def _measure(
    predictors: Sequence[BatchPredictor], items: Sequence[Item], settings: Settings
) -> dict[str, float]:
    """Id of each image to its reliability; the processes share the batches."""
    last, *early = predictors
    reader = pipeline_reader(last.pipeline)
    plan = on_main(lambda: plan_batches(items, settings.batch_size, reader))
    found: dict[str, float] = {}
    error: Exception | None = None
    try:
        with ThreadPoolExecutor(settings.threads) as threads:
            for batch in plan[get_rank() :: get_world_size()]:
                images = list(threads.map(last.load, batch))
                final = _labels(last, images)
                values = torch.zeros(len(batch), dtype=torch.float64)
                for predictor in early:
                    pairs = zip(_labels(predictor, images), final, strict=True)
                    count = max(len(last.classes), 2)
                    each = [agreement(*pair, count) for pair in pairs]
                    values += torch.tensor(each, dtype=torch.float64)
                means = (values / len(early)).tolist()
                found.update(zip((i.id for i in batch), means, strict=True))
    except Exception as failure:
        error = failure
    stop_together(error)
    return {k: v for part in all_gather_object(found) for k, v in part.items()}


def _labels(
    predictor: BatchPredictor, images: Sequence[dict[str, Any]]
) -> list[Tensor]:
    """Most probable classes of images of one size, each (H, W), uint8, on the host."""
    logits = predictor.logits(images)
    sizes = [tuple(image["data_samples"].ori_shape) for image in images]
    return [predictor.label(logits, i, s).classes.cpu() for i, s in enumerate(sizes)]


def _read(
    path: Path, checkpoint: str, networks: Sequence[str], items: Sequence[Item]
) -> list[dict[str, Any]] | None:
    """The ranking of an earlier run, or None."""
    if not path.exists():
        return None
    try:
        record = read_record(path, FORM)
    except RecordError as error:
        raise StoreError(f"{path} is no ranking: {error}; remove it") from error
    known = {entry["id"]: entry["image"] for entry in record["images"]}
    wanted = {item.id: item.image for item in items}
    origin = (record["checkpoint"], record["networks"])
    if origin != (checkpoint, list(networks)) or known != wanted:
        raise StoreError(
            f"{path} ranks other images, or by other networks; remove its folder, and "
            "the stages after it, to make it anew"
        )
    return record["images"]


def _write(path: Path, record: dict[str, Any]) -> None:
    names = "".join(f"{entry['image']}\n" for entry in record["images"])
    atomic_write(path.with_name(LIST), names.encode())
    atomic_write(path, json.dumps(record, indent=1).encode())
