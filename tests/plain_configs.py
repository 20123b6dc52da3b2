"""A plain MMSegmentation config, and the images that it names."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
from mmengine.config import Config
from PIL import Image

LOAD = {"type": "LoadImageFromFile"}
MASKS = {"type": "LoadAnnotations"}
PACK = {"type": "PackSegInputs"}
CROP = {"type": "RandomCrop", "crop_size": (32, 40), "cat_max_ratio": 0.75}
FLIP = {"type": "RandomFlip", "prob": 0.5}
COLOURS = {"type": "PhotoMetricDistortion"}
PIPELINE = [LOAD, MASKS, CROP, FLIP, COLOURS, PACK]
CLASSES = ["background", "object"]


def plain_config(root: str | Path = "data", iters: int = 4, **changes) -> Config:
    """A U-Net of two classes on folders of images, as MMSegmentation trains it."""
    norm = {"type": "BN", "requires_grad": True}
    folder = {"type": "FolderDataset", "classes": CLASSES}
    tested = {
        "batch_size": 1,
        "num_workers": 0,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": {
            **folder,
            "data_root": f"{root}/val",
            "pipeline": [LOAD, MASKS, PACK],
            "test_mode": True,
        },
    }
    content = {
        "default_scope": "mmseg",
        "model": {
            "type": "EncoderDecoder",
            "data_preprocessor": {
                "type": "SegDataPreProcessor",
                "mean": [120.0] * 3,
                "std": [60.0] * 3,
                "bgr_to_rgb": True,
                "size": (32, 40),
                "seg_pad_val": 255,
            },
            "backbone": {
                "type": "ResNet",
                "depth": 18,
                "base_channels": 8,
                "stem_channels": 8,
                "num_stages": 2,
                "strides": (1, 2),
                "dilations": (1, 1),
                "out_indices": (0, 1),
                "norm_cfg": norm,
            },
            "decode_head": {
                "type": "FCNHead",
                "in_channels": 16,
                "channels": 8,
                "in_index": 1,
                "num_convs": 1,
                "num_classes": 2,
                "norm_cfg": norm,
                "loss_decode": {"type": "CrossEntropyLoss"},
            },
            "train_cfg": {},
            "test_cfg": {"mode": "whole"},
        },
        "train_dataloader": {
            "batch_size": 2,
            "num_workers": 0,
            "sampler": {"type": "InfiniteSampler", "shuffle": True},
            "dataset": {**folder, "data_root": f"{root}/train", "pipeline": PIPELINE},
        },
        "val_dataloader": tested,
        "test_dataloader": tested,
        "val_evaluator": {"type": "IoUMetric", "iou_metrics": ["mIoU"]},
        "test_evaluator": {"type": "IoUMetric", "iou_metrics": ["mIoU"]},
        "optim_wrapper": {
            "type": "OptimWrapper",
            "optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9},
        },
        "param_scheduler": [
            {
                "type": "PolyLR",
                "power": 0.9,
                "eta_min": 1e-4,
                "begin": 0,
                "end": iters,
                "by_epoch": False,
            }
        ],
        "train_cfg": {
            "type": "IterBasedTrainLoop",
            "max_iters": iters,
            "val_interval": iters,
        },
        "val_cfg": {"type": "ValLoop"},
        "test_cfg": {"type": "TestLoop"},
        "default_hooks": {
            "timer": {"type": "IterTimerHook"},
            "logger": {
                "type": "LoggerHook",
                "interval": 1,
                "log_metric_by_epoch": False,
            },
            "param_scheduler": {"type": "ParamSchedulerHook"},
            "checkpoint": {
                "type": "CheckpointHook",
                "by_epoch": False,
                "interval": iters,
            },
            "sampler_seed": {"type": "DistSamplerSeedHook"},
        },
        "log_processor": {"by_epoch": False},
        "randomness": {"seed": 0},
    }
    cfg = Config(copy.deepcopy(content))
    cfg.merge_from_dict(changes)
    return cfg


def draw_images(root: Path, images: int = 6, masks: int = 3) -> None:
    """Write training images, masks of some of them, and two to validate."""
    rng = np.random.default_rng(0)
    for part, count, with_mask in (("train", images, masks), ("val", 2, 2)):
        for kind in ("images", "masks"):
            (root / part / kind).mkdir(parents=True)
        for i in range(count):
            mask = np.zeros((40, 56), np.uint8)
            y, x = rng.integers(2, 18, 2)
            mask[y : y + 18, x : x + 24] = 1
            image = np.where(mask[..., None] == 1, [200, 60, 40], [40, 90, 160])
            image = (image + rng.integers(-20, 20, image.shape)).clip(0, 255)
            name = f"{part}{i}.png"
            Image.fromarray(image.astype("u1")).save(root / part / "images" / name)
            if i < with_mask:
                Image.fromarray(mask).save(root / part / "masks" / name)
