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
from mmseg.visualization import SegLocalVisualizer
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


TRAINING = """
model.update(objectives=[
    dict(
        type='AdversarialObjective',
        discriminator=dict(
            type='FCDiscriminator', num_classes=3, channels=(4, 4)),
        weights=dict(labeled=0.01, unlabeled=0.001),
        start=dict(labeled=0, unlabeled=0)),
    dict(type='SelfTaughtObjective', threshold=0.2, start=0)])
load = dict(type='LoadImageFromFile')
crop = dict(type='RandomCrop', crop_size=(16, 16))
pack = dict(type='PackSegInputs')
masks = dict(
    type='BaseSegDataset', data_root=data_root,
    data_prefix=dict(img_path='images', seg_map_path='masks'),
    metainfo=dict(
        classes=('ground', 'cat', 'dog'),
        palette=[[0, 0, 0], [255, 0, 0], [0, 255, 0]]))
train_dataloader = dict(
    batch_size=4, num_workers=0,
    sampler=dict(type='SourceSampler', ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type='branch_collate'),
    dataset=dict(
        type='SemiDataset',
        sources=dict(
            labeled=dict(
                masks,
                pipeline=[load, dict(type='LoadAnnotations'), crop, pack]),
            unlabeled=dict(
                type='UnlabeledDataset', data_root=data_root,
                data_prefix=dict(img_path='images'), pipeline=[load, crop, pack]))))
val_dataloader = test_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(masks, pipeline=[load, dict(type='LoadAnnotations'), pack]))
val_evaluator = test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(type='SGD', lr=0.01)),
    discriminator=dict(optimizer=dict(type='Adam', lr=0.0001)))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=4)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    checkpoint=dict(
        type='AtomicCheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=1),
    logger=dict(type='LoggerHook', interval=2),
    visualization=dict(type='SegVisualizationHook', interval=1))
custom_hooks = [dict(type='TeacherUpdateHook')]
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)
visualizer = dict(
    type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')],
    name='visualizer')
tta_model = dict(type='SegTTAModel')
tta_pipeline = [
    load,
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=p) for p in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [pack]])]
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    """Leaves out what takes longer than a tiny training: pretty texts, machine data."""
    monkeypatch.setattr(
        "yapf.yapflib.yapf_api.FormatCode", lambda text, **_: (text, True)
    )
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)


@pytest.fixture
def run_tool(monkeypatch, restored_readers) -> Callable[..., ModuleType]:
    """Runs ``tools/NAME.py`` in this process, as if from the command line."""

    def run(name: str, *arguments: object) -> None:
        spec = importlib.util.spec_from_file_location(f"tool_{name}", TOOLS / name)
        tool = importlib.util.module_from_spec(spec)
        # A new process would have none; mmengine keeps them by name.
        SegLocalVisualizer._instance_dict.clear()
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
def training(config, tmp_path) -> Path:
    """The file of a tiny config that trains AdvSemiSeg on four generated images."""
    generator = np.random.default_rng(0)
    root = tmp_path / "data"
    for index in range(4):
        for kind, size, suffix in (
            ("images", (20, 24, 3), "jpg"),
            ("masks", (20, 24), "png"),
        ):
            path = root / kind / f"{index}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            high = 256 if kind == "images" else 3
            Image.fromarray(generator.integers(0, high, size, np.uint8)).save(path)
    path = tmp_path / "training.py"
    path.write_text(f"data_root = {str(root)!r}\n{CONFIG}\n{TRAINING}")
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
