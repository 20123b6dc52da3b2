"""Images of any channels and bits, and a config that reads them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image
from plain_configs import plain_config

SIZE = (6, 8)


def pixels(channels, dtype=np.uint16, size=SIZE, high=4000):
    values = np.random.default_rng(0).random((*size, channels)) * high
    return values.astype(dtype)


def write(path, values):
    """A file of (H, W, C) numbers; three channels of a PNG are red, green, blue."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile = pytest.importorskip("tifffile")
        options = dict(photometric="minisblack", planarconfig="contig")
        if values.shape[2] == 1:
            values, options = values[..., 0], {}
        tifffile.imwrite(path, values, **options)
    else:
        order = [2, 1, 0, 3][: values.shape[2]] if values.shape[2] > 2 else [0]
        cv2.imwrite(str(path), values[..., order])
    return str(path)


def channel_config(root, channels=5, load=None):
    """The plain config with images of other channels."""
    load = load or {"type": "LoadChannels", "channels": channels, "high": 4000}
    cfg = plain_config(root, 2)
    for key in ("train_dataloader", "val_dataloader", "test_dataloader"):
        steps = cfg[key].dataset.pipeline
        cfg[key].dataset.pipeline = [
            load if step.type == "LoadImageFromFile" else step
            for step in steps
            if step.type != "PhotoMetricDistortion"
        ]
    cfg.model.backbone.in_channels = channels
    cfg.model.data_preprocessor.update(mean=[120.0], std=[60.0])
    cfg.model.data_preprocessor.bgr_to_rgb = channels == 3
    cfg.custom_imports = dict(imports=["mmseg_semisup"], allow_failed_imports=False)
    return cfg


def draw(root, names, channels=5, masks=True):
    for i, name in enumerate(names):
        size = (36, 44 + 4 * (i % 2))
        write(root / "images" / f"{name}.tif", pixels(channels, size=size))
        if masks:
            mask = np.zeros(size, np.uint8)
            mask[8:20, 8:20] = 1
            (root / "masks").mkdir(exist_ok=True)
            Image.fromarray(mask).save(root / "masks" / f"{name}.png")
