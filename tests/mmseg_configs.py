"""Shipped configs of MMSegmentation, and a tiny size and tiny data for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import mmseg
import numpy as np
from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS
from tiny_configs import without_weights

from mmseg_semisup.datasets.sources import config_leaves

ROOT = Path(mmseg.__file__).parent / ".mim" / "configs"
CITY, ADE = "cityscapes-512x1024", "ade20k-512x512"
CONFIGS = {
    f"segformer/segformer_mit-b0_8xb2-160k_{ADE}": "",
    f"swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_{ADE}": "",
    f"vit/vit_deit-s16_upernet_8xb2-160k_{ADE}": "",
    f"twins/twins_svt-s_uperhead_8xb2-160k_{ADE}": "",
    f"twins/twins_pcpvt-s_fpn_fpnhead_8xb4-80k_{ADE}": "",
    f"deeplabv3plus/deeplabv3plus_r18-d8_4xb2-80k_{CITY}": "",
    "pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512": "two datasets",
    "hrnet/fcn_hr18s_4xb4-80k_loveda-512x512": "",
    f"ocrnet/ocrnet_hr18s_4xb2-40k_{CITY}": "cascade",
    "bisenetv1/bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024": "",
    "bisenetv2/bisenetv2_fcn_4xb4-160k_cityscapes-1024x1024": "",
    "bisenetv2/bisenetv2_fcn_4xb4-amp-160k_cityscapes-1024x1024": "AMP",
    "bisenetv2/bisenetv2_fcn_4xb4-ohem-160k_cityscapes-1024x1024": "OHEM",
    f"stdc/stdc1_4xb12-80k_{CITY}": "OHEM, boundary head with Dice loss",
    f"fastscnn/fast_scnn_8xb4-160k_{CITY}": "sigmoid",
    "icnet/icnet_r18-d8_4xb2-80k_cityscapes-832x832": "",
    f"cgnet/cgnet_fcn_4xb8-60k_{CITY}": "Adam, weights of classes",
    f"mobilenet_v3/mobilenet-v3-d8-scratch-s_lraspp_4xb4-320k_{CITY}": "",
    f"dpt/dpt_vit-b16_8xb2-160k_{ADE}": "",
    f"segnext/segnext_mscan-t_1xb16-adamw-160k_{ADE}": "",
    "unet/unet-s5-d16_fcn_4xb4-40k_drive-64x64": "RepeatDataset",
    "unet/unet-s5-d16_fcn_4xb4-ce-1.0-dice-3.0-40k_stare-128x128": "Dice loss",
    f"segmenter/segmenter_vit-s_fcn_8xb1-160k_{ADE}": "",
    f"danet/danet_r50-d8_4xb4-80k_{ADE}": "several maps",
    f"encnet/encnet_r50-d8_4xb2-40k_{CITY}": "several maps",
    f"emanet/emanet_r50-d8_4xb2-80k_{CITY}": "",
    f"ann/ann_r50-d8_4xb2-40k_{CITY}": "",
    f"apcnet/apcnet_r50-d8_4xb2-40k_{CITY}": "",
    "isanet/isanet_r50-d8_4xb2-40k_cityscapes-769x769": "odd crop",
    f"dnlnet/dnl_r50-d8_4xb2-40k_{CITY}": "rates of parameters",
    f"fastfcn/fastfcn_r50-d32_jpu_aspp_4xb2-80k_{CITY}": "",
    f"sem_fpn/fpn_r50_4xb2-80k_{CITY}": "",
    f"erfnet/erfnet_fcn_4xb4-160k_{CITY}": "",
    f"mobilenet_v2/mobilenet-v2-d8_deeplabv3_4xb2-80k_{CITY}": "",
    f"resnest/resnest_s101-d8_pspnet_4xb4-160k_{ADE}": "",
    f"setr/setr_vit-l_mla_8xb2-160k_{ADE}": "",
    f"deeplabv3/deeplabv3_r101-d16-mg124_4xb2-40k_{CITY}": "OHEM",
    "deeplabv3plus/deeplabv3plus_r18-d8_4xb4-80k_isaid-896x896": "",
    "deeplabv3plus/deeplabv3plus_r18-d8_4xb4-80k_potsdam-512x512": "",
    "deeplabv3plus/deeplabv3plus_r50-d8_4xb2-300k_mapillay_v1_65-1280x1280": (
        "rates of parameters"
    ),
    "hrnet/fcn_hr18s_4xb4-40k_pascal-context-59-480x480": "",
    "bisenetv1/bisenetv1_r18-d32_4xb4-160k_coco-stuff164k-512x512": "",
    "ddrnet/ddrnet_23-slim_in1k-pre_2xb6-120k_cityscapes-1024x1024": "several maps",
    "pidnet/pidnet-s_2xb6-120k_1024x1024-cityscapes": "several maps, edges",
    f"knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_{ADE}": "several maps",
    f"knet/knet-s3_r50-d8_upernet_8xb2-adamw-80k_{ADE}": "several maps",
    f"segmenter/segmenter_vit-t_mask_8xb1-160k_{ADE}": "",
    "beit/beit-base_upernet_8xb2-160k_ade20k-640x640": "layer decay",
    f"mae/mae-base_upernet_8xb2-amp-160k_{ADE}": "layer decay, AMP",
    f"point_rend/pointrend_r50_4xb2-80k_{CITY}": "points",
    "swin/swin-tiny-patch4-window7_upernet_1xb8-20k_levir-256x256": "pairs of images",
    "vpd/vpd_sd_4xb8-25k_nyu-512x512": "depth",
}
"""Names of the configs that are tried, of all families, and what is special."""
MISSING = {
    f"convnext/convnext-tiny_upernet_8xb2-amp-160k_{ADE}": "mmpretrain",
    f"mask2former/mask2former_r50_8xb2-160k_{ADE}": "mmdet",
    f"maskformer/maskformer_r50-d32_8xb2-160k_{ADE}": "mmdet",
    f"psanet/psanet_r50-d8_4xb2-40k_{CITY}": "compiled operators of mmcv",
    "san/san-vit-b16_coco-stuff164k-640x640": "compiled operators of mmcv",
    "unet/unet-s5-d16_fcn_4xb4-160k_hsidrive-192x384": "bgr_to_rgb=None",
}
"""Configs that plain MMSegmentation cannot build here, and the reason."""
SIZES = {"lraspp": 400}
"""Crops in pixels by a part of the name; LRASPPHead pools 49 x 49 cells of 8 pixels."""
SIZE = 64


def all_configs() -> list[str]:
    """Names of all configs that mmseg ships, without suffix."""
    return sorted(
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in ROOT.rglob("*.py")
        if "_base_" not in path.relative_to(ROOT).parts
    )


def size_of(name: str) -> int:
    """Height and width of the crops on which a config is tried, in pixels."""
    return next((size for part, size in SIZES.items() if part in name), SIZE)


def shrink(cfg: Config, folder: Path, crop: int) -> Config:
    """A plain config without downloads, with small crops and generated data.

    Args:
        cfg: The config; it is changed.
        folder: Its data are written below it, in the layout of the data set.
        crop: Height and width of the crops in pixels, where the config's are even.
    """
    model = cfg.model
    without_weights(model)
    for node in _dicts(model):
        if "pretrained" in node:
            node["pretrained"] = None
    if "img_size" in model.get("backbone", {}):
        model.backbone.img_size = (crop, crop)
    if model.get("test_cfg", {}).get("mode") == "slide":
        model.test_cfg.update(crop_size=(crop, crop), stride=(crop // 2, crop // 2))
    for owner in (model, cfg):
        size = (owner.get("data_preprocessor") or {}).get("size")
        if size is not None:
            side = crop + size[0] % 2
            owner.data_preprocessor.size = (side, side)
    for key in ("train_dataloader", "val_dataloader"):
        loader = cfg[key]
        loader.update(num_workers=0, persistent_workers=False)
        loader.pop("prefetch_factor", None)
        for leaf in config_leaves(loader.dataset):
            for step in leaf.pipeline:
                _shrink_step(step, crop)
            _write(leaf, folder / key, cfg.model, crop)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.train_dataloader.batch_size = 2
    return cfg


def _dicts(node: object) -> Iterator[dict]:
    if isinstance(node, dict):
        yield node
    if isinstance(node, (dict, list, tuple)):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _dicts(part)


def _shrink_step(step: ConfigDict, crop: int) -> None:
    """Reduce the sizes of a transform; images have 2 x 1.5 crops."""
    for node in _dicts(step):
        if "crop_size" in node:
            size = node["crop_size"]
            height = size if isinstance(size, int) else size[0]
            odd = crop + height % 2
            node["crop_size"] = odd if isinstance(size, int) else (odd, odd)
        if "scale" in node and node["scale"] is not None:
            node["scale"] = (2 * crop, crop * 3 // 2)
        if "scales" in node:
            node["scales"] = [crop, crop * 5 // 4, crop * 2]
        if "size" in node and node.get("type") == "Pad":
            node["size"] = (crop, crop)
        if "max_size" in node:
            node["max_size"] = 4 * crop


def _write(leaf: ConfigDict, folder: Path, model: ConfigDict, crop: int) -> None:
    """Write images and masks as the dataset looks for them, and name their folder."""
    rng = np.random.default_rng(0)
    height, width = crop * 3 // 2, crop * 2
    leaf.data_root = str(folder)
    images = folder / leaf.data_prefix.img_path
    masks = folder / (leaf.data_prefix.get("seg_map_path") or "masks")
    for path in (images, masks):
        path.mkdir(parents=True, exist_ok=True)
    names = [f"{Path(leaf.get('ann_file') or 'image').stem}{i}" for i in range(4)]
    if leaf.get("ann_file"):
        path = folder / leaf.ann_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}\n" for name in names))
    dataset = DATASETS.build({**leaf, "pipeline": [], "lazy_init": True})
    classes = len(dataset.metainfo["classes"])
    first = 1 if dataset.reduce_zero_label else 0
    for name in names:
        cells = rng.integers(first, classes + first, (6, 8), dtype=np.uint8)
        mask = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
        mask[:5] = 0 if first else 255
        path = images / f"{name}{dataset.img_suffix}"
        image = _image(rng, height, width)
        if path.suffix == ".npy":
            np.save(path, image)
        else:
            cv2.imwrite(str(path), image)
        cv2.imwrite(str(masks / f"{name}{dataset.seg_map_suffix}"), mask)


def write_photos(folder: Path, crop: int) -> Path:
    """Four images without masks of the same size as the labelled ones."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(4):
        path = folder / f"photo{i}.jpg"
        cv2.imwrite(str(path), _image(rng, crop * 3 // 2, crop * 2))
    return folder


def _image(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Random colours that change smoothly, (H, W, 3), uint8."""
    cells = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(cells, (width, height))
