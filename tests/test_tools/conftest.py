from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

TOOLS = Path(__file__).resolve().parents[2] / "tools"

CONFIG = """
custom_imports = dict(imports=['mmseg_semisup'], allow_failed_imports=False)
default_scope = 'mmseg'
model = dict(
    type='SemiSegmentor',
    data_preprocessor=dict(
        type='SemiDataPreprocessor', mean=[120.0] * 3, std=[60.0] * 3,
        bgr_to_rgb=True, test_cfg=dict(size_divisor=2)),
    segmentor=dict(
        type='EncoderDecoder',
        pretrained=None,
        backbone=dict(
            type='UNet', base_channels=4, num_stages=2, strides=(1, 1),
            enc_num_convs=(1, 1), dec_num_convs=(1,), downsamples=(True,),
            enc_dilations=(1, 1), dec_dilations=(1,)),
        decode_head=dict(
            type='FCNHead', in_channels=4, in_index=1, channels=4, num_convs=1,
            num_classes=3, loss_decode=dict(type='PixelCrossEntropy')),
        test_cfg=dict(mode='whole')),
    teacher=dict(momentum=0.9))
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(48, 32), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')]
"""


@pytest.fixture
def run_tool(monkeypatch) -> Callable[..., ModuleType]:
    """Runs ``tools/NAME.py`` in this process, as if from the command line."""

    def run(name: str, *arguments: object) -> None:
        spec = importlib.util.spec_from_file_location(f"tool_{name}", TOOLS / name)
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        tool.run_tool(tool.main)

    return run


@pytest.fixture
def config(tmp_path) -> Path:
    """The file of a tiny semi-supervised config with an EMA teacher."""
    path = tmp_path / "tiny.py"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def checkpoint(config) -> Path:
    """A checkpoint for it, in which student and teacher differ."""
    torch.manual_seed(0)
    init_default_scope("mmseg")
    model = MODELS.build(Config.fromfile(config).model)
    for name, value in model.named_parameters():
        if "conv_seg" in name:
            torch.nn.init.normal_(value, std=1.0)
    meta = dict(
        iter=7,
        dataset_meta=dict(
            classes=("ground", "cat", "dog"),
            palette=[[0, 0, 0], [255, 0, 0], [0, 255, 0]],
        ),
    )
    path = config.with_name("iter_7.pth")
    torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def images(tmp_path) -> Path:
    """A folder of images of several sizes, one in a folder below."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "images"
    for name, size in {
        "a.jpg": (30, 40),
        "b.png": (64, 24),
        "sub/c.png": (9, 9),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return folder
