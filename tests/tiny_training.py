"""A tiny training, for tests of tools and stages: config, data and checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmseg_semisup.core.checkpoint import load_checkpoint_file

CLASSES = ("ground", "cat", "dog")
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 255, 0]]

MODEL = """
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
"""
"""A network with a teacher."""

DATA = """
load = dict(type='LoadImageFromFile')
annotations = dict(type='LoadAnnotations')
crop = dict(type='RandomCrop', crop_size=(16, 16))
pack = dict(type='PackSegInputs')
masks = dict(
    type='BaseSegDataset', data_root=data_root, ann_file='labeled.txt',
    data_prefix=dict(img_path='images', seg_map_path='masks'),
    metainfo=dict(
        classes=('ground', 'cat', 'dog'),
        palette=[[0, 0, 0], [255, 0, 0], [0, 255, 0]]))
labeled = dict(masks, pipeline=[load, annotations, crop, pack])
unlabeled = dict(
    type='UnlabeledDataset', data_root=data_root,
    data_prefix=dict(img_path='images'), pipeline=[load, crop, pack])
train_dataloader = dict(
    batch_size=4, num_workers=0,
    sampler=dict(type='SourceSampler', ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type='branch_collate'),
    dataset=dict(
        type='SemiDataset', sources=dict(labeled=labeled, unlabeled=unlabeled)))
val_dataloader = test_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(masks, pipeline=[load, annotations, pack]))
val_evaluator = test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=4)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='TeacherUpdateHook')]
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)
"""
"""Four steps on the images of :func:`write_data`, and a validation."""

ADVERSARIAL = """
model.update(objectives=dict(
    adversarial=dict(
        type='AdversarialObjective',
        discriminator=dict(type='FCDiscriminator', channels=(4, 4)),
        weights=dict(labeled=0.01, unlabeled=0.001),
        start=dict(labeled=0, unlabeled=0)),
    self_taught=dict(type='SelfTaughtObjective', threshold=0.2, start=0)))
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(type='SGD', lr=0.01)),
    discriminator=dict(optimizer=dict(type='Adam', lr=0.0001)))
default_hooks = dict(
    checkpoint=dict(
        type='AtomicCheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=1),
    logger=dict(type='LoggerHook', interval=2),
    visualization=dict(type='SegVisualizationHook', interval=1))
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
            [annotations],
            [pack]])]
"""
"""AdvSemiSeg with pictures, logs and augmented tests."""

STAGES = """
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9)))
default_hooks = dict(
    checkpoint=dict(
        type='AtomicCheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=1,
        save_best='mIoU'),
    logger=dict(type='LoggerHook', interval=2))
train_cfg.update(val_interval=2)
train_dataloader.update(batch_size=2)
unlabeled.update(exclude='source:labeled')
log_level = 'ERROR'
visualizer = dict(type='Visualizer', vis_backends=[], name='visualizer')

supervised = dict(
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(sources=dict(unlabeled=None)))
pseudo = dict(
    type='PseudoMaskDataset', store='{pseudo_masks}',
    pipeline=[load, annotations, crop, pack])
both = dict(
    sampler=dict(ratio=dict(_delete_=True, labeled=1, pseudo=1)),
    dataset=dict(sources=dict(
        unlabeled=None,
        labeled=dict(pseudo, _delete_=True),
        pseudo=dict(pseudo, classes=['ground', 'cat', 'dog']))))
stages = [
    dict(name='first', changes=dict(train_dataloader=supervised)),
    dict(
        name='second',
        pseudo_masks=dict(sources=['labeled', 'unlabeled'], batch_size=2, threads=2),
        changes=dict(train_dataloader=both)),
    dict(
        name='third',
        pseudo_masks=dict(
            network='teacher', sources=['unlabeled'], mode='slide',
            crop_size=(16, 16), stride=(12, 12), flip=True, confidence=True,
            checkpoint='best', batch_size=2, threads=2),
        changes=dict(train_dataloader=both, randomness=dict(seed=3)))]
"""
"""Three stages: with masks only, and twice with pseudo-masks."""


def write_data(root: Path, images: int = 6, labeled: int = 2) -> Path:
    """Images of two sizes with masks, and a list of those that count as labelled."""
    generator = np.random.default_rng(0)
    for index in range(images):
        size = (20, 24) if index % 3 else (24, 18)
        for kind, shape, high, suffix in (
            ("images", (*size, 3), 256, "jpg"),
            ("masks", size, 3, "png"),
        ):
            path = root / kind / f"{index}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, high, shape, np.uint8)).save(path)
    (root / "labeled.txt").write_text("\n".join(str(i) for i in range(labeled)))
    return root


def write_stages(folder: Path, images: int = 6) -> Path:
    """The file of the config in stages, with data beside it."""
    root = write_data(folder / "data", images)
    path = folder / "tiny.py"
    path.write_text(f"data_root = {str(root)!r}\n{MODEL}{DATA}{STAGES}")
    return path


def write_adversarial(folder: Path) -> Path:
    """The file of the config of AdvSemiSeg, with data beside it."""
    root = write_data(folder / "data", images=4, labeled=4)
    path = folder / "training.py"
    path.write_text(f"data_root = {str(root)!r}\n{MODEL}{DATA}{ADVERSARIAL}")
    return path


def write_checkpoint(config: Path) -> Path:
    """A checkpoint of a tiny model, in which student and teacher differ."""
    torch.manual_seed(0)
    init_default_scope("mmseg")
    model = MODELS.build(Config.fromfile(config).model)
    for name, value in model.named_parameters():
        if "conv_seg" in name:
            torch.nn.init.normal_(value, std=1.0)
    meta = dict(iter=7, dataset_meta=dict(classes=CLASSES, palette=PALETTE))
    path = config.with_name("iter_7.pth")
    torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
    return path


def weights(path: Path) -> dict[str, torch.Tensor]:
    """All weights of a checkpoint."""
    return load_checkpoint_file(path)["state_dict"]
