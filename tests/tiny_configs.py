"""Shipped configs at a tiny size: small networks, crops and data, no downloads."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config, ConfigDict
from tiny_encoders import DINOV2

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.stages import has_stages, split_stages

ROOT = Path(__file__).parents[1] / "configs"
PATCH = 16
RESNETS = ("ResNet", "ResNetV1c")
STUDIES = "studies"
"""The folder of the comparisons of methods, which are no trainings."""
LEAVES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in ROOT.rglob("*.py")
    if not {"_base_", STUDIES} & set(path.relative_to(ROOT).parts)
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


def read(name: str) -> Config:
    """A shipped config, composed, with its stages."""
    return load_config(ROOT / name, stages="keep")


def shrink(
    cfg: Config, folder: Path, crop: int = 64, narrow_heads: bool = True
) -> Config:
    """The config with small networks, crops and data, and nothing to download.

    Args:
        cfg: A training's.
        folder: Where :func:`write_images` has put the images.
        crop: Height and width of the crops, in pixels.
        narrow_heads: Whether decode heads become narrow, and banks small, too.

    Returns:
        The same config, for two steps and a validation.
    """
    without_weights(cfg.model)
    cfg.model = in_iterations(cfg.model, cfg.train_cfg.max_iters)
    for part in (cfg.model, cfg.model.get("segmentor", {})):
        if "size" in part.get("data_preprocessor", {}):
            part.data_preprocessor.size = (crop, crop)
    if "classifier" in cfg.model:
        num_classes = shrink_classifier(cfg.model)
    else:
        num_classes = shrink_segmentor(cfg.model, narrow_heads)
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
    if network.backbone.type in RESNETS:
        network.backbone.update(depth=50, base_channels=8, stem_channels=8)
        network.in_channels = 256
    if model.get("consistency"):
        model.consistency.update(start=0, ramp=0)
    return network.num_classes


def shrink_segmentor(model: ConfigDict, narrow_heads: bool = True) -> int:
    """Narrow a segmentor and its objectives; returns its number of classes."""
    network = model.segmentor
    if narrow_heads:
        head = network.decode_head
        widths = {"channels", "c1_channels"}
        given = widths if head.type == "DeepLabV3PlusHead" else widths & head.keys()
        head.update(dict.fromkeys(given, 16))
    if network.backbone.type in RESNETS:
        depth = 50 if network.backbone.depth >= 50 else 18
        network.backbone.update(depth=depth, base_channels=8, stem_channels=8)
        network.decode_head.in_channels = 256 if depth == 50 else 64
        if "c1_in_channels" in network.decode_head:
            network.decode_head.c1_in_channels = 32
        if "auxiliary_head" in network:
            half = network.decode_head.in_channels // 2
            network.auxiliary_head.update(in_channels=half, channels=8)
    if network.backbone.type == "TransformersBackbone":
        network.backbone.arch = {**DINOV2, "patch_size": PATCH, "image_size": 5 * PATCH}
        network.decode_head.update(in_channels=16, channels=8, out_channels=[8] * 4)
    for objective in filter(None, model.objectives.values()):
        if "stage" in objective and network.backbone.type in RESNETS:
            objective.head.in_channels = network.decode_head.in_channels // 2
        if narrow_heads and "bank_size" in objective:
            objective.bank_size = 256
        if "memory_size" in objective:
            objective.memory_size = 60
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


def in_iterations(node: object, length: int) -> object:
    """A model whose times are iterations, not shares of the training's length."""
    if isinstance(node, (list, tuple)):
        return type(node)(in_iterations(item, length) for item in node)
    if not isinstance(node, dict):
        return node
    node = ConfigDict({k: in_iterations(v, length) for k, v in node.items()})
    for key in node.keys() & {"start", "ramp"}:
        times = node[key]
        shares = times if isinstance(times, dict) else {key: times}
        made = {k: round(v * length) if is_share(v) else v for k, v in shares.items()}
        node[key] = made if isinstance(times, dict) else made[key]
    if isinstance(node.get("momentum"), (list, tuple)):
        table = [(round(t * length) if is_share(t) else t, m) for t, m in node.momentum]
        # Of shares that are the same iteration, the last one counts.
        node.momentum = list(dict(table).items())
    return node


def is_share(time: object) -> bool:
    """Whether a time is a share of the training."""
    return isinstance(time, float)


def without_weights(node: object) -> None:
    """Remove every address of pretrained weights."""
    if isinstance(node, dict):
        if (node.get("init_cfg") or {}).get("type") == "Pretrained":
            node["init_cfg"] = None
        if node.get("type") == "TransformersBackbone":
            node["weights"] = None
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
    if node.get("type") in ("Resize", "RandomResize"):
        node["scale"] = (96, 64)
    if node.get("type") == "RandomChoiceResize":
        node["scales"] = [(96, 64), (72, 48)]
    if "divisor" in node:
        node["divisor"] = PATCH
    if node.get("type") == "LoadPseudoMask":
        node["store"] = None
    return node
