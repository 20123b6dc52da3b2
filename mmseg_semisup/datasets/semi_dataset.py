"""Several sources of images as one training set."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset, ConcatDataset
from mmengine.logging import print_log
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from .files import check_complete
from .sampler import SampleKey
from .sources import build_sources

IGNORE_INDEX = 255


@DATASETS.register_module()
class SemiDataset(Dataset):
    """Labelled, unlabelled and other images, each source with its own pipeline.

    A sample is one image; its branches are named after the source, or, where the
    pipeline ends with ``MultiView``, after the views. All randomness of a sample comes
    from its key, so that it does not matter which worker makes it, and when.

    Args:
        sources: Name to an mmseg dataset or its config. ``labeled`` must be there; its
            metainfo is that of the whole. An ``ann_file`` may be a published list, as
            ``split:voc12aug/unimatch_92_labeled.txt``; ``exclude='source:labeled'``
            leaves out the images of another source.
        on_error: What a file that cannot be used does: 'raise' stops training; 'skip'
            warns once for each file, and takes the next image of the source.

    Raises:
        ValueError: If a source is missing, empty, or an argument is not allowed.
    """

    def __init__(
        self, sources: Mapping[str, dict | Dataset], on_error: str = "raise"
    ) -> None:
        if "labeled" not in sources:
            raise ValueError(
                f"SemiDataset: sources are {sorted(sources)}; 'labeled' is missing"
            )
        if on_error not in ("raise", "skip"):
            raise ValueError(
                f"SemiDataset: on_error={on_error!r}; allowed: 'raise', 'skip'"
            )
        self.sources = build_sources(sources)
        self.on_error = on_error
        self._warned: set[str] = set()

    @property
    def metainfo(self) -> dict:
        """Classes and palette of the labelled source."""
        return self.sources["labeled"].metainfo

    def full_init(self) -> None:
        """Load the lists of images; done already unless a source is lazy."""
        for source in self.sources.values():
            source.full_init()

    def __len__(self) -> int:
        """Number of images in all sources."""
        return sum(len(source) for source in self.sources.values())

    def __getitem__(self, key: SampleKey) -> dict[str, dict[str, Any]]:
        """One sample: ``inputs`` and ``data_samples``, dicts of branch to value.

        Inputs are (3, H, W), uint8, as loaded; data samples are ``SegDataSample``.

        Raises:
            RuntimeError: If a file cannot be used; names it, and says why.
        """
        if not isinstance(key, SampleKey):
            raise ValueError(
                "SemiDataset needs sampler=dict(type='SourceSampler', ratio=...) in "
                f"the dataloader; its index was {key!r}"
            )
        size = len(self.sources[key.source])
        for attempt in range(size):
            index = (key.index + attempt) % size
            try:
                with seeded(key.seed):
                    return self._sample(key.source, index)
            except RuntimeError as error:
                if self.on_error == "raise":
                    raise
                self._warn(str(error))
        raise RuntimeError(f"no image of the source {key.source!r} can be used")

    def _sample(self, source: str, index: int) -> dict[str, dict[str, Any]]:
        dataset, index = _leaf(self.sources[source], index)
        results = dataset.get_data_info(index)
        files = [results[k] for k in ("img_path", "seg_map_path") if k in results]
        try:
            for file in files:
                check_complete(file)
            results = run_pipeline(dataset, results)
        except Exception as error:
            names = " with ".join(str(file) for file in files)
            raise RuntimeError(
                f"{names} ({source} image {index}): {type(error).__name__}: {error}"
            ) from error
        if isinstance(results["inputs"], dict):
            return results
        return {key: {source: value} for key, value in results.items()}

    def _warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            print_log(f"skipped: {message}", logger="current", level=30)


def run_pipeline(dataset: BaseDataset, results: dict) -> dict:
    """Run a dataset's transforms, checking the mask when it appears.

    Raises:
        ValueError: If a transform gives nothing, or image and mask do not fit.
    """
    checked = False
    for transform in dataset.pipeline.transforms:
        results = transform(results)
        if results is None:
            raise ValueError(f"{type(transform).__name__} gave nothing")
        if not checked and "gt_seg_map" in results and "img" in results:
            check_mask(results["gt_seg_map"], results["img"], dataset)
            checked = True
    return results


def check_mask(mask: np.ndarray, image: np.ndarray, dataset: BaseDataset) -> None:
    """Raise ValueError unless a mask fits its image and the classes."""
    if mask.shape != image.shape[:2]:
        raise ValueError(
            f"the mask has shape {mask.shape}, the image {image.shape[:2]}"
        )
    classes = dataset.metainfo.get("classes") or ()
    ignore = getattr(dataset, "ignore_index", IGNORE_INDEX)
    allowed = np.zeros(256, dtype=bool)
    allowed[: len(classes)] = True
    allowed[ignore] = True
    if classes and not allowed[mask].all():
        values = np.unique(mask)
        raise ValueError(
            f"the mask has the values {values[~allowed[values]].tolist()}; allowed: 0 "
            f"to {len(classes) - 1} (the classes) and {ignore} (ignored)"
        )


def _leaf(dataset: Dataset, index: int) -> tuple[BaseDataset, int]:
    """The dataset with the pipeline, and the index in it."""
    while isinstance(dataset, ConcatDataset):
        part, index = dataset._get_ori_dataset_idx(index)
        dataset = dataset.datasets[part]
    return dataset, index


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let the global generators of the host start from a seed, and put them back."""
    generator = torch.default_generator  # torch.manual_seed would also seed the GPUs
    states = random.getstate(), np.random.get_state(), generator.get_state()
    random.seed(seed)
    np.random.seed(seed)
    generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        generator.set_state(states[2])
