"""Makes the training data of a method from a config's own training data."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.runner import EpochBasedTrainLoop
from mmseg.registry import DATA_SAMPLERS, DATASETS, LOOPS, MODELS

from mmseg_semisup.core.config_types import argument, is_type, type_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import SemiDataset
from mmseg_semisup.datasets.labeled_folder import labeled_dataset
from mmseg_semisup.datasets.sources import config_pipelines, with_pipeline
from mmseg_semisup.datasets.splits import PREFIX

from .blocks import method_names
from .device_views import AUGMENT, place_of
from .facts import PlainFacts
from .image_labels import weak_dataset, with_steps
from .pipelines import Pipeline, divide, kind_of, make_views
from .rare_classes import RARE, draw_by_class
from .record import Record

UNLABELED, LABELED, WEAK = "unlabeled", "labeled", "weak"
OWN_LOADER_KEYS = ("sampler", "batch_sampler", "collate_fn", "dataset", "shuffle")
"""Keys of a loader that the composition sets; a stream without end drops no batch."""
ORDINARY_SAMPLERS = (DefaultSampler, InfiniteSampler)
EXCLUDED = f"source:{LABELED}"


def compose_loader(
    cfg: Mapping[str, Any],
    block: Mapping[str, Any],
    unlabeled: Any,
    labeled: Any,
    record: Record,
    weak: Any = None,
) -> dict[str, Any]:
    """Make the training loader.

    Args:
        cfg: The plain config; it stays as it is.
        block: The method.
        unlabeled: Paths of unlabelled images, or changes to their dataset; None: there
            are none, or, with ``labeled``, the other images of the training data.
        labeled: The list of labelled images, a folder of ``tools/import_masks.py``, or
            changes to the training dataset; None:
            the training dataset as it is.
        record: Takes notes and origins.
        weak: Images with image labels, see :func:`~.compose.compose`; if no unlabelled
            images are named, they are the unlabelled ones of a block that does not read
            their labels.

    Raises:
        ConfigError: If the images are not named, or the data cannot be used.
    """
    loader = copy.deepcopy(dict(cfg["train_dataloader"]))
    plain = loader.get("dataset")
    if not isinstance(plain, Mapping):
        raise ConfigError("train_dataloader has no dataset")
    if is_type(plain, DATASETS, SemiDataset):
        raise ConfigError(
            "train_dataloader.dataset is a SemiDataset already; a method takes a plain "
            "MMSegmentation config"
        )
    labels = _labeled_source(plain, labeled)
    place = {AUGMENT: place_of(block)}
    sources = {LABELED: _with_block_steps(labels, block.get("labeled"), place)}
    views = block.get("views") or {}
    dataset = weak_dataset(weak, PlainFacts(cfg, block).classes()) if weak else None
    weakly = block.get(WEAK) if dataset else None
    if views and not (weakly and unlabeled is None and labeled is None):
        source = _unlabeled_source(
            cfg, plain, unlabeled, labeled, dataset, bool(weakly)
        )
        if "pipeline" not in source:
            further = {**(block.get(UNLABELED) or {}), **place}
            source["pipeline"] = make_views(
                _geometry(labels), views, block.get("crop"), **further
            )
        sources[UNLABELED] = source
    if weakly and dataset:
        steps = config_pipelines(labels)[0]
        sources[WEAK] = with_steps(dataset, {**weakly, **place}, steps)
    for name, source in (block.get("sources") or {}).items():
        if source is not None:
            geometry = _geometry(labels)
            sources[name] = _further_source(name, source, sources, geometry, block)
    ratio = _ratio(block, sources, loader.get("batch_size", 1), record)
    _leave_out(loader, record)
    batch_size = loader.get("batch_size", 1)
    loader.update(
        batch_size=batch_size * sum(ratio.values()),
        sampler={"type": "SourceSampler", "ratio": ratio},
        collate_fn={"type": "branch_collate"},
        dataset={"type": "SemiDataset", "sources": sources},
    )
    draw_by_class(loader, LABELED, block.get(RARE), record)
    if is_type(cfg.get("train_cfg"), LOOPS, EpochBasedTrainLoop):
        loader["sampler"]["epoch"] = LABELED
        record.note("an epoch is one pass over the labelled images, as in your config")
    images = ", ".join(f"{n * batch_size} {name}" for name, n in ratio.items())
    record.note(f"a step of one process: {images} images")
    return loader


def _leave_out(loader: dict[str, Any], record: Record) -> None:
    """Remove what the composition sets itself, and note what that changes."""
    own = loader.get("batch_sampler") or {}
    size = loader.get("batch_size", 1)
    if own.get("batch_size", size) != size:
        raise ConfigError(
            f"train_dataloader.batch_sampler.batch_size={own['batch_size']!r}, but "
            f"train_dataloader.batch_size={size!r}; a method deals its batches itself, "
            "with the latter's number of labelled images"
        )
    sampler = loader.get("sampler")
    if sampler and type_of(sampler, DATA_SAMPLERS) not in ORDINARY_SAMPLERS:
        record.note(
            f"train_dataloader.sampler={sampler['type']!r} is left out: each image is "
            "drawn once in a round"
        )
    for key in (*OWN_LOADER_KEYS, "drop_last"):
        loader.pop(key, None)


def crop_size_of(loader: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width of the random crops of a plain training loader, or None."""
    return divide(config_pipelines(loader["dataset"])[0]).crop_size


def _labeled_source(plain: Mapping[str, Any], labeled: Any) -> dict[str, Any]:
    """The training dataset, with another list or other changes."""
    source = copy.deepcopy(dict(plain))
    if labeled is None:
        return source
    if isinstance(labeled, str) and os.path.isdir(labeled):
        return _imported(labeled, plain)
    changes = {"ann_file": _list_path(labeled)} if isinstance(labeled, str) else labeled
    if "datasets" in source or "type" in changes:
        if "type" in changes:
            return copy.deepcopy(dict(changes))
        names = [part.get("ann_file") for part in source["datasets"]]
        raise ConfigError(
            f"labeled={labeled!r}: the training data are several datasets, with the "
            f"lists {names}; give the labelled one as labeled=dict(type=..., ...)"
        )
    if "dataset" in source:
        return {**source, "dataset": _labeled_source(source["dataset"], labeled)}
    return {**source, **copy.deepcopy(dict(changes))}


def _imported(folder: str, plain: Mapping[str, Any]) -> dict[str, Any]:
    """The masks of a folder, with the transforms of the training dataset.

    Their values are the numbers of the classes, whatever the training dataset's are.
    """
    steps = [
        {k: v for k, v in step.items() if k != "reduce_zero_label"}
        for step in config_pipelines(plain)[0]
    ]
    return {**labeled_dataset(folder), "pipeline": steps}


def _list_path(name: str) -> str:
    """A list as the dataset takes it; a file in the current folder by its full path."""
    if name.startswith(PREFIX) or os.path.isabs(name) or not os.path.isfile(name):
        return name
    return str(Path(name).resolve())


def _geometry(labels: Mapping[str, Any]) -> Pipeline:
    """The labelled pipeline, whose geometry the other images get."""
    first, *others = (divide(steps) for steps in config_pipelines(labels))
    if any(other.geometry != first.geometry for other in others):
        raise ConfigError(
            "the labelled datasets have different random geometry, so that of the "
            "unlabelled images must be stated: unlabeled=dict(pipeline=[...])"
        )
    return first


def _unlabeled_source(
    cfg: Mapping[str, Any],
    plain: Mapping[str, Any],
    unlabeled: Any,
    labeled: Any,
    weak: Mapping[str, Any] | None = None,
    weakly: bool = False,
) -> dict[str, Any]:
    if unlabeled is None and labeled is None and weak is None:
        raise ConfigError(
            "the method reads unlabelled images, and none are named; name folders, "
            "files or lists (--unlabeled PATHS), or the list of those training images "
            "whose masks may be used (--labeled LIST), then the others are unlabelled; "
            f"methods: {', '.join(method_names())}"
        )
    changes: dict[str, Any]
    if unlabeled is None:
        images = plain if labeled is not None or weak is None else weak
        changes = {"images_of": with_pipeline(images, [])}
    else:
        changes = stated_images(unlabeled)
    return image_source(cfg, changes, (EXCLUDED, f"source:{WEAK}")[: 1 + weakly])


def stated_images(unlabeled: Any) -> dict[str, Any]:
    """Arguments of a dataset for the images that ``unlabeled`` names.

    Args:
        unlabeled: As for :func:`~.compose.compose`, but not None.
    """
    if isinstance(unlabeled, Mapping):
        return copy.deepcopy(dict(unlabeled))
    paths = [unlabeled] if isinstance(unlabeled, str) else unlabeled
    return {"paths": [str(path) for path in paths]}


def image_source(
    cfg: Mapping[str, Any],
    images: Mapping[str, Any],
    sources: Sequence[str] = (EXCLUDED,),
) -> dict[str, Any]:
    """The config of a dataset of unlabelled images.

    Args:
        cfg: Config whose validated and tested images are left out.
        images: Arguments of the dataset; those to leave out may be among them.
        sources: Further sources whose images are left out, as ``'source:NAME'``.
    """
    source = {"type": "UnlabeledDataset", **images}
    if "exclude" not in source and source["type"] == "UnlabeledDataset":
        left_out = [*sources, *_held_out(cfg)]
        source["exclude"] = left_out[0] if len(left_out) == 1 else left_out
    return source


def _held_out(cfg: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The datasets that are validated and tested, without their transforms."""
    found: list[dict[str, Any]] = []
    for key in ("val_dataloader", "test_dataloader"):
        dataset = (cfg.get(key) or {}).get("dataset")
        if isinstance(dataset, Mapping):
            bare = with_pipeline(dataset, [])
            if bare not in found:
                found.append(bare)
    return found


def _further_source(
    name: str,
    stated: Mapping[str, Any],
    others: Mapping[str, Any],
    geometry: Pipeline,
    block: Mapping[str, Any],
) -> dict[str, Any]:
    """A source of the block, whose ``views`` become its pipeline if it has them."""
    made = copy.deepcopy(dict(stated))
    like = made.pop("like", None)
    if like is not None and like not in others:
        raise ConfigError(
            f"method.sources.{name}.like={like!r}; allowed: {', '.join(others)}"
        )
    views, load, pack = (made.pop(key, None) for key in ("views", "load", "pack"))
    if views is not None:
        crop = block.get("crop")
        made["pipeline"] = make_views(
            geometry, views, crop, load or (), pack, augment=place_of(block)
        )
    images = copy.deepcopy(dict(others[like])) if like is not None else {}
    return {**images, **made}


def _with_block_steps(
    source: dict[str, Any],
    changes: Mapping[str, Any] | None,
    place: Mapping[str, str],
) -> dict[str, Any]:
    """Insert what a block adds to the labelled pipeline, after the mask is loaded."""
    if not changes:
        return source
    if changes.get("views"):
        return with_steps(source, {**changes, **place}, ())
    load, pack = list(changes.get("load") or ()), changes.get("pack")
    steps = config_pipelines(source)[0]
    kinds = [kind_of(step) for step in steps[:-1]]
    if "mixing" in kinds:
        raise ConfigError(
            "the method adds to the labelled pipeline, and cannot add to "
            f"{steps[kinds.index('mixing')]['type']}, which mixes images; leave it out"
        )
    at = next((i for i, k in enumerate(kinds) if k not in ("load", "mask")), len(kinds))
    return with_pipeline(source, [*steps[:at], *load, *steps[at:-1], pack or steps[-1]])


def _ratio(
    block: Mapping[str, Any],
    sources: Mapping[str, Any],
    batch_size: int,
    record: Record,
) -> dict[str, int]:
    """Images of each source for one labelled image."""
    stated = dict(block.get("ratio") or {})
    if WEAK in stated and block.get(WEAK):
        # Together, they have the same share whichever of the two is given.
        for name, other in ((WEAK, UNLABELED), (UNLABELED, WEAK)):
            if name not in sources:
                stated[other] = stated.get(other, 0) + stated.pop(name, 0)
    unknown = [name for name in stated if name not in sources and stated[name]]
    if unknown:
        raise ConfigError(
            f"method.ratio names {unknown}, but the sources are {sorted(sources)}"
        )
    ratio = {LABELED: 1, **{n: stated.get(n, 1) for n in sources if n != LABELED}}
    for name, share in ratio.items():
        if not isinstance(share, int) or share < 1:
            raise ConfigError(f"method.ratio.{name}={share!r}; allowed: 1, 2, ...")
    if batch_size == 1 and ratio.get(UNLABELED) == 1 and _mixes(block):
        ratio[UNLABELED] = 2
        record.note("2 unlabelled images a step, because two are needed to be mixed")
    return ratio


def _mixes(block: Mapping[str, Any]) -> bool:
    """Whether an objective mixes images with each other."""
    objectives = [cfg for cfg in (block.get("objectives") or {}).values() if cfg]
    mixes = [argument(objective, MODELS, "mix") for objective in objectives]
    return any(
        mix not in (None, "none") and getattr(type_of(mix, MODELS), "pairs", True)
        for mix in mixes
    )
