"""Samples a second, beside MMSegmentation's own supervised pipeline."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import Any

import cv2
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, TRANSFORMS
from torch.utils.data import DataLoader

from mmseg_semisup.core.config_types import type_of
from mmseg_semisup.datasets import SampleKey

SAMPLES = 60
"""Samples of each source whose cost is measured in this process."""


def measure_loading(
    cfg: Config, crop: tuple[int, int], seconds: float, workers: int | None
) -> dict[str, Any]:
    """Measure the loader of a config and MMSegmentation's, and the cost of a sample.

    Args:
        cfg: A config with a ``SemiDataset``.
        crop: Height and width of its training images, in pixels.
        seconds: How long each loader runs.
        workers: Worker processes; None: the config's.

    Returns:
        ``samples_per_second`` of both loaders, ``milliseconds_per_sample`` of each
        source and of MMSegmentation, and how many views a sample has.
    """
    init_default_scope(cfg.get("default_scope", "mmseg"))
    ours = copy.deepcopy(cfg.train_dataloader)
    if workers is not None:
        ours.num_workers = workers
    if ours.num_workers == 0:
        ours.persistent_workers = False
        ours.pop("prefetch_factor", None)
    theirs = dict(
        batch_size=ours.batch_size,
        num_workers=ours.num_workers,
        persistent_workers=ours.get("persistent_workers", False),
        sampler=dict(type="InfiniteSampler", shuffle=True),
        dataset=supervised_dataset(cfg, crop),
    )
    speed = {
        name: _samples_per_second(Runner.build_dataloader(loader, seed=0), seconds)
        for name, loader in dict(ours=ours, mmseg=theirs).items()
    }
    # As in training: the workers are many, so each works alone.
    cv2.setNumThreads(0)
    dataset = DATASETS.build(ours.dataset)
    plain = DATASETS.build(theirs["dataset"])
    costs, views = {}, {}
    for name, source in dataset.sources.items():
        size = len(source)
        keys = [SampleKey(name, index % size, index) for index in range(SAMPLES)]
        costs[name], sample = _milliseconds(dataset, keys)
        views[name] = len(sample["data_samples"])
    numbers = [index % len(plain) for index in range(SAMPLES)]
    costs["mmseg"], _ = _milliseconds(plain, numbers)
    return dict(
        workers=ours.num_workers,
        samples_per_second=speed,
        milliseconds_per_sample=costs,
        views=views,
    )


def supervised_dataset(cfg: Config, crop: tuple[int, int]) -> dict[str, Any]:
    """The labelled source as MMSegmentation alone would read it.

    Args:
        cfg: A config with a ``SemiDataset`` that has the source ``labeled``.
        crop: Height and width of the crops, in pixels.

    Returns:
        Config of the dataset: the source itself; where its pipeline has transforms of
        this package, with the pipeline of MMSegmentation's own training configs.
    """
    labeled = copy.deepcopy(cfg.train_dataloader.dataset.sources["labeled"])
    classes = [type_of(step, TRANSFORMS) for step in labeled["pipeline"]]
    if all(cls.__module__.startswith(("mmseg.", "mmcv.")) for cls in classes):
        return labeled
    labeled["pipeline"] = [
        dict(type="LoadImageFromFile"),
        dict(type="LoadAnnotations"),
        dict(
            type="RandomResize",
            scale=(2 * crop[1], 2 * crop[0]),
            ratio_range=(0.5, 2.0),
            keep_ratio=True,
        ),
        dict(type="RandomCrop", crop_size=crop, cat_max_ratio=0.75),
        dict(type="RandomFlip", prob=0.5),
        dict(type="PhotoMetricDistortion"),
        dict(type="PackSegInputs"),
    ]
    return labeled


def _samples_per_second(loader: DataLoader[Any], seconds: float) -> float:
    batches = iter(loader)
    # The first batches hold the start of the workers and what they read ahead.
    for _ in range(2 + 2 * loader.num_workers):
        next(batches)
    size = loader.batch_size or 0
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        next(batches)
        count += size
    speed = count / (time.perf_counter() - start)
    del batches
    return speed


def _milliseconds(dataset: Any, keys: Sequence[Any]) -> tuple[float, dict[str, Any]]:
    """Mean processor time of a sample in this process, and the last sample."""
    for key in keys[:3]:
        sample = dataset[key]
    start = time.process_time()
    for key in keys:
        sample = dataset[key]
    return 1e3 * (time.process_time() - start) / len(keys), sample
