"""Shipped configs at a tiny size: small networks, crops and data, no downloads."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config, ConfigDict

from mmseg_semisup.stages import has_stages, split_stages

ROOT = Path(__file__).parents[1] / "configs"
LEAVES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in ROOT.rglob("*.py")
    if "_base_" not in path.relative_to(ROOT).parts
)


def write_images(root: Path) -> Path:
    """Six images, 96x64, and masks of two classes with a border to ignore."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (root / name).mkdir()
    for i in range(6):
        image = rng.integers(0, 256, (96, 64, 3), dtype=np.uint8)
        mask = np.zeros((96, 64), np.uint8)
        mask[20:60, 10:40] = 1
        mask[19, :] = 255
        cv2.imwrite(str(root / "images" / f"{i}.png"), image)
        cv2.imwrite(str(root / "masks" / f"{i}.png"), mask)
    return root


def shrink(cfg: Config, folder: Path, crop: int = 64) -> Config:
    """The config with small networks, crops and data, and nothing to download.

    Args:
        cfg: A training's.
        folder: Where :func:`write_images` has put the images.
        crop: Height and width of the crops, in pixels.

    Returns:
        The same config, for two steps and a validation.
    """
    without_weights(cfg.model)
    if "size" in cfg.model.get("data_preprocessor", {}):
        cfg.model.data_preprocessor.size = (crop, crop)
    if "classifier" in cfg.model:
        num_classes = shrink_classifier(cfg.model)
    else:
        num_classes = shrink_segmentor(cfg.model)
    loader = cfg.train_dataloader
    sources = loader.dataset.sources
    for name, source in sources.items():
        sources[name] = source and tiny_source(source, folder, num_classes, crop)
    block = sum(loader.sampler.ratio.values())
    loader.batch_size = block if block > 4 else 2 * block
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.pop("prefetch_factor", None)
    validated = tiny_source(cfg.val_dataloader.dataset, folder, num_classes, crop)
    cfg.val_dataloader.dataset = validated
    cfg.val_dataloader.dataset.indices = 2

    cfg.custom_hooks = [h for h in cfg.custom_hooks if "DataCheck" not in h.type]
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.work_dir = str(folder / "work")
    cfg.experiment_name = Path(cfg.filename).stem
    cfg.log_level = "ERROR"
    cfg.visualizer = dict(type="Visualizer", vis_backends=[])
    cfg.default_hooks.pop("visualization")
    cfg.default_hooks.checkpoint.update(interval=1000, save_best=None, save_last=False)
    return cfg


def shrink_classifier(model: ConfigDict) -> int:
    """Narrow a multi-label classifier; returns its number of classes."""
    network = model.classifier
    if network.backbone.type == "ResNet":
        network.backbone.update(depth=50, base_channels=8, stem_channels=8)
        network.in_channels = 256
    if model.get("consistency"):
        model.consistency.update(start=0, ramp=0)
    return network.num_classes


def shrink_segmentor(model: ConfigDict) -> int:
    """Narrow a segmentor and its objectives; returns its number of classes."""
    network = model.segmentor
    if network.backbone.type == "ResNet":
        depth = 50 if network.backbone.depth >= 50 else 18
        network.backbone.update(depth=depth, base_channels=8, stem_channels=8)
        network.decode_head.in_channels = 256 if depth == 50 else 64
        if "c1_in_channels" in network.decode_head:
            network.decode_head.c1_in_channels = 32
    for objective in filter(None, model.objectives.values()):
        if "head" in objective and network.backbone.type == "ResNet":
            objective.head.in_channels = network.decode_head.in_channels
            if "stage" in objective:
                objective.stage.backbone = copy.deepcopy(network.backbone)
                objective.head.in_channels //= 2
        if "discriminator" in objective:
            objective.discriminator.channels = (8, 8, 8, 8)
        if isinstance(objective.get("start"), dict):
            objective.start = {k: min(v, 1) for k, v in objective.start.items()}
        elif "start" in objective:
            objective.start = min(objective.start, 1)
    return network.decode_head.num_classes


def training_configs(cfg: Config, folder: Path) -> list[Config]:
    """The config, or one for each of its stages that train."""
    if not has_stages(cfg):
        return [cfg]
    stages = [s for s in split_stages(cfg) if s.task == "train"]
    return [stage.runnable(folder) for stage in stages]


def without_weights(node: object) -> None:
    """Remove every address of pretrained weights."""
    if isinstance(node, dict):
        if (node.get("init_cfg") or {}).get("type") == "Pretrained":
            node["init_cfg"] = None
        for value in node.values():
            without_weights(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            without_weights(value)


def tiny_source(
    source: ConfigDict, folder: Path, num_classes: int, crop: int
) -> ConfigDict:
    """The source's pipeline on the tiny folder, with or without its masks."""
    while "pipeline" not in source:
        source = source["datasets"][-1] if "datasets" in source else source["dataset"]
    tiny = dict(
        type=source.type,
        data_prefix=dict(img_path=str(folder / "images")),
        pipeline=smaller(source.pipeline, crop),
    )
    if source.type != "UnlabeledDataset":
        classes = [str(i) for i in range(num_classes)]
        tiny.update(
            type="BaseSegDataset",
            metainfo=dict(
                classes=classes, palette=[[i, i, i] for i in range(num_classes)]
            ),
            img_suffix=".png",
            seg_map_suffix=".png",
        )
        tiny["data_prefix"]["seg_map_path"] = str(folder / "masks")
    return ConfigDict(tiny)


def smaller(node: object, crop: int) -> object:
    """Crops of few pixels, and images that are not enlarged."""
    if isinstance(node, (list, tuple)):
        return [smaller(item, crop) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: smaller(value, crop) for key, value in node.items()}
    if "crop_size" in node:
        node["crop_size"] = (crop, crop)
    if node.get("type") in ("Resize", "RandomResize", "RandomChoiceResize"):
        node["scale"] = (96, 64)
    if node.get("type") == "LoadPseudoMask":
        node["store"] = None
    return node
