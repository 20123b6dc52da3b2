"""Changes the size of crops and batches, and generates images without a data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmseg.datasets.transforms import RandomCrop
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.load_pseudo_mask import LoadPseudoMask
from mmseg_semisup.datasets.transform_kinds import loads_mask
from mmseg_semisup.datasets.two_crops import DrawTwoCrops, TakeCrop

CROPS = (RandomCrop, DrawTwoCrops, TakeCrop)
IMAGE_COUNT = 24
IMAGE_SIZE = (375, 500)
"""Height and width of generated images, in pixels: the common size in PASCAL VOC."""


def set_sizes(cfg: Config, batch: int | None, crop: int | None) -> None:
    """Change the size of the training batch.

    Args:
        cfg: The config; changed in place.
        batch: Samples in a batch, of all sources together; None: the config's.
        crop: Side of the square crops in pixels; None: the config's.

    Raises:
        ConfigError: If the training pipelines do not crop.
    """
    if batch is not None:
        cfg.train_dataloader.batch_size = batch
    if crop is None:
        return
    crops = _crops(cfg)
    if not crops:
        raise ConfigError(
            "--crop: the training pipelines have no RandomCrop to change; with "
            "--synthetic, images of that size are generated"
        )
    for transform in crops:
        transform["crop_size"] = (crop, crop)
    for part in (cfg, cfg.model, cfg.model.get("segmentor") or {}):
        owner = part.get("data_preprocessor") or {}
        if owner.get("size") is not None:
            owner["size"] = (crop, crop)


def generate_sources(
    cfg: Config, folder: str | Path, size: tuple[int, int] = IMAGE_SIZE
) -> None:
    """Let every training source read generated images, through its own pipeline.

    Args:
        cfg: The config of a ``SemiDataset``; changed in place.
        folder: Where the images are written.
        size: Their height and width, in pixels.

    Raises:
        ConfigError: If the config trains on another dataset.
    """
    dataset = cfg.train_dataloader.dataset
    if "sources" not in dataset:
        raise ConfigError(
            "--synthetic needs train_dataloader.dataset.type='SemiDataset', not "
            f"{dataset.type!r}"
        )
    folder = Path(folder)
    classes = _num_classes(cfg.model)
    _write_images(folder, classes, size)
    for source in filter(None, dataset.sources.values()):
        pipeline = source["pipeline"]
        has_masks = any(
            loads_mask(step) or is_type(step, TRANSFORMS, LoadPseudoMask)
            for step in _dicts(pipeline)
        )
        prefix = dict(img_path="images")
        new = dict(data_root=str(folder), data_prefix=prefix, pipeline=pipeline)
        if has_masks:
            prefix["seg_map_path"] = "masks"
            names = [str(index) for index in range(classes)]
            new.update(type="BaseSegDataset", metainfo=dict(classes=names))
        else:
            new.update(type="UnlabeledDataset")
        for transform in _dicts(pipeline):
            if is_type(transform, TRANSFORMS, LoadPseudoMask):
                transform["store"] = None
        source.clear()
        source.update(new)


def _write_images(folder: Path, classes: int, size: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    height, width = size
    for index in range(IMAGE_COUNT):
        # Coarse noise, enlarged: it compresses about as well as a photograph.
        coarse = generator.integers(0, 256, (*_part(size, 8), 3), np.uint8)
        image = Image.fromarray(coarse).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        image.save(folder / "images" / f"{index}.jpg", quality=90)
        labels = generator.integers(0, classes, _part(size, 64), np.uint8)
        mask = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
        mask.save(folder / "masks" / f"{index}.png")


def _part(size: tuple[int, int], factor: int) -> tuple[int, int]:
    return max(size[0] // factor, 2), max(size[1] // factor, 2)


def crops_images(cfg: Config) -> bool:
    """Whether the training pipelines crop.

    Args:
        cfg: The config.
    """
    return bool(_crops(cfg))


def _crops(cfg: Config) -> list[dict[str, Any]]:
    steps = _dicts(cfg.train_dataloader)
    return [step for step in steps if is_type(step, TRANSFORMS, *CROPS)]


def _num_classes(model: dict[str, Any]) -> int:
    head = model.get("segmentor", model)["decode_head"]
    head = head[-1] if isinstance(head, (list, tuple)) else head
    return head["num_classes"]


def _dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for value in node:
            yield from _dicts(value)
