"""Several sources of images as one training set."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmseg.datasets import MultiImageMixDataset
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.core.text import compare_names

from .channel_steps import check_steps
from .files import check_labels
from .multi_view import MultiView
from .rare_class_crop import DRAWN
from .read_image import load
from .sampler import SampleKey
from .sources import SourceDataset, build_sources, find_leaf, leaves

IGNORE_INDEX = 255


@DATASETS.register_module()
class SemiDataset(Dataset[dict[str, dict[str, Any]]]):
    """Labelled, unlabelled and other images, each source with its own pipeline.

    A sample is one image; its branches are named after the source, or, where the
    pipeline ends with ``MultiView``, after the views. All randomness of a sample
    follows from its key, independent of worker and time.

    Args:
        sources: Name of each source to its mmseg dataset, or its config. ``labeled`` is
            required, and its metainfo is that of the whole. An ``ann_file`` may be a
            published list, e.g. ``split:voc12aug/unimatch_92_labeled.txt``;
            ``exclude='source:labeled'`` leaves out the images of another source. None
            removes an inherited source.
        on_error: Reaction to a file that cannot be used: 'raise' stops training; 'skip'
            warns once for each file, and takes the next image of the source.

    Raises:
        ValueError: If a source is missing, empty, or an argument is not allowed.
    """

    def __init__(
        self,
        sources: Mapping[str, dict[str, Any] | SourceDataset],
        on_error: str = "raise",
    ) -> None:
        if sources.get("labeled") is None:
            raise ValueError(
                f"SemiDataset: sources are {sorted(sources)}; 'labeled' is missing"
            )
        if on_error not in ("raise", "skip"):
            raise ValueError(
                f"SemiDataset: on_error={on_error!r}; allowed: 'raise', 'skip'"
            )
        self.sources = build_sources(sources)
        for name, source in self.sources.items():
            find_leaf(source, 0)
            _check_classes(name, source, self.sources["labeled"])
            for leaf in leaves(source):
                check_steps(getattr(leaf.pipeline, "transforms", ()))
        self.on_error = on_error
        self._warned: set[str] = set()

    @property
    def metainfo(self) -> dict[str, Any]:
        """Classes and palette of the labelled source."""
        return self.sources["labeled"].metainfo

    @property
    def views(self) -> dict[str, str]:
        """Name of each branch of a batch to the source that makes it."""
        makers: dict[str, str] = {}
        for name, source in self.sources.items():
            for leaf in leaves(source):
                last = (leaf.pipeline.transforms or [None])[-1]
                views = last.views if isinstance(last, MultiView) else [name]
                makers.update(dict.fromkeys(views, name))
        return makers

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
            ImageFileError: If a file cannot be used; the message names the file and
                the reason.
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
                    return self._sample(key.source, index, key.drawn_class)
            except ImageFileError as error:
                if self.on_error == "raise":
                    raise
                message = str(error)
                self._warn(message)
        raise ImageFileError(
            f"no image of the source {key.source!r} can be used; the last: {message}"
        )

    def _sample(
        self, source: str, index: int, drawn: int | None
    ) -> dict[str, dict[str, Any]]:
        results = load_sample(self.sources[source], index, drawn)
        if isinstance(results["inputs"], dict):
            return results
        return {key: {source: value} for key, value in results.items()}

    def _warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            print_log(f"skipped: {message}", logger="current", level=30)


def load_sample(
    dataset: SourceDataset, index: int, drawn: int | None = None
) -> dict[str, Any]:
    """Read one image, checking its files, and run its transforms.

    Args:
        dataset: A dataset of a source, or a wrapper.
        index: Number of the image in it.
        drawn: Class by which the image was drawn; None: by none.

    Raises:
        ImageFileError: If a file cannot be used.
    """
    dataset, index = find_leaf(dataset, index)
    if isinstance(dataset, MultiImageMixDataset):
        return _mix_images(dataset, index, drawn)
    results = dataset.get_data_info(index)
    if drawn is not None:
        results[DRAWN] = drawn
    files = [str(results[k]) for k in ("img_path", "seg_map_path") if k in results]
    with naming(" with ".join(files)):
        return run_pipeline(dataset, results)


def _mix_images(
    dataset: MultiImageMixDataset, index: int, label: int | None
) -> dict[str, Any]:
    """One sample of mmseg's wrapper, whose images are checked like all others."""
    images, skipped = dataset.dataset, dataset._skip_type_keys or ()
    results = load_sample(images, index, label)
    for transform, kind in zip(dataset.pipeline, dataset.pipeline_types, strict=True):
        if kind in skipped:
            continue
        if hasattr(transform, "get_indices"):
            drawn = transform.get_indices(images)
            drawn = drawn if isinstance(drawn, Sequence) else [drawn]
            results["mix_results"] = [load_sample(images, i) for i in drawn]
        with naming(str(results.get("img_path", kind))):
            results = transform(results)
        results.pop("mix_results", None)
    return results


@contextmanager
def naming(files: str) -> Iterator[None]:
    """Turn any error into an ImageFileError, which begins with the given files."""
    try:
        yield
    except (ImageFileError, MemoryError):
        raise
    except Exception as error:
        raise ImageFileError(f"{files}: {type(error).__name__}: {error}") from error


def run_pipeline(dataset: BaseDataset, results: dict[str, Any]) -> dict[str, Any]:
    """Run a dataset's transforms, checking the mask when it appears.

    Raises:
        ImageFileError: If a file cannot be read.
        ValueError: If a transform fails or gives nothing, or image and mask do not fit.
    """
    checked = False
    for transform in dataset.pipeline.transforms:
        name = type(transform).__name__
        try:
            results = load(transform, results)
        except (ImageFileError, MemoryError):
            raise
        except Exception as error:
            raise ValueError(f"{name}: {type(error).__name__}: {error}") from error
        if results is None:
            raise ValueError(f"{name} gave nothing")
        if not checked and "gt_seg_map" in results and "img" in results:
            check_mask(results["gt_seg_map"], results["img"], dataset)
            checked = True
    return results


def check_mask(mask: np.ndarray, image: np.ndarray, dataset: BaseDataset) -> None:
    """Raise ValueError unless a mask fits its image and the classes.

    Args:
        mask: (H, W), class numbers, of any type.
        image: (H, W, 3) or (H, W).
        dataset: States the number of classes and the ignored label.
    """
    count = len(dataset.metainfo.get("classes") or ())
    ignore = getattr(dataset, "ignore_index", IGNORE_INDEX)
    check_labels(mask, image.shape[:2], count or None, ignore)


def _check_classes(name: str, source: SourceDataset, labeled: SourceDataset) -> None:
    """Raise ValueError if a source has other classes than the labelled one."""
    own, others = (d.metainfo.get("classes") or () for d in (source, labeled))
    differing = compare_names(own, others) if own and others else ""
    if differing:
        raise ValueError(
            f"source {name!r} has other classes than 'labeled': {differing}; all of "
            f"them: {list(own)} and {list(others)}"
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of the host within a block, and restore them after."""
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
