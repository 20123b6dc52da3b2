"""From image labels to a segmentor: classifier, pseudo-masks, training, export."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.core.checkpoint import load_checkpoint_file

COLOURS = {1: (220, 40, 40), 2: (40, 60, 220)}
CLASSIFIER = """
model = dict(
    type='MultiLabelMeanTeacher',
    data_preprocessor=dict(
        type='SemiDataPreprocessor', mean=[120.0] * 3, std=[60.0] * 3, bgr_to_rgb=True),
    classifier=dict(
        type='MultiLabelClassifier', in_channels=8, num_classes=3,
        bias=False,
        backbone=dict(
            type='UNet', base_channels=8, num_stages=2, strides=(1, 1),
            enc_num_convs=(1, 1), dec_num_convs=(1,), downsamples=(True,),
            enc_dilations=(1, 1), dec_dilations=(1,),
            norm_cfg=None)))
labels = [dict(type='LoadAnnotations'), dict(type='LoadImageLabels', num_classes=3)]
pack_labels = dict(type='PackImageLabels')
read = [load, *labels, pack_labels]
train_dataloader['batch_size'] = 8
train_dataloader['sampler']['ratio'] = dict(labeled=1, weak=3)
train_dataloader['dataset']['sources'] = dict(
    labeled=dict(masks, pipeline=read),
    weak=dict(
        type='WeakLabelDataset', classes=('ground', 'cat', 'dog'),
        ann_file='weak.txt', always=['ground'], data_root=data_root,
        pipeline=[load, labels[1], pack_labels]))
val_dataloader['dataset'].update(ann_file='', pipeline=read)
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='MultiLabelMetric', folds=2)
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(type='Adam', lr=0.01)))
custom_hooks = [dict(type='DataCheckHook', level='off', allow=['validated'])]
train_cfg.update(max_iters=60, val_interval=60)
default_hooks['checkpoint']['interval'] = 60
default_hooks.pop('visualization')
"""
WEAK = """
model['teacher'] = None
model['objectives'] = [
    dict(
        type='ContextContrastObjective', in_channels=4, projector=dict(channels=4),
        gamma=None),
    dict(type='WeakMaskObjective', in_channels=4, num_classes=3)]
size = (16, 16)
train_dataloader['dataset']['sources']['unlabeled'] = dict(
    type='PseudoMaskDataset', store=store,
    pipeline=[
        load, dict(type='LoadPseudoMask', store=None),
        dict(
            type='MultiView', shared=[dict(type='DrawTwoCrops', crop_size=size)],
            views={
                name: [
                    dict(type='TakeCrop', which=which, crop_size=size),
                    dict(type='PackPseudoMask')]
                for which, name in enumerate(('unlabeled', 'unlabeled_second'))})])
optim_wrapper.pop('discriminator')
custom_hooks = [dict(type='DataCheckHook', level='off', allow=['validated'])]
"""


@pytest.fixture
def squares(training, tmp_path):
    """Grey noise, with a coloured square on two images of three."""
    root = tmp_path / "data"
    generator = np.random.default_rng(0)
    names = ["ground", "cat", "dog"]
    lines = []
    for i in range(11):
        grey = generator.integers(90, 160, (24, 24, 1), np.uint8)
        image, mask = np.repeat(grey, 3, axis=2), np.zeros((24, 24), np.uint8)
        top, left = generator.integers(2, 12, 2)
        place = np.s_[top : top + 9, left : left + 9]
        label = (1, 2, 0)[i % 3]
        if label:
            image[place], mask[place] = COLOURS[label], label
        Image.fromarray(image).save(root / "images" / f"{i}.jpg", quality=95)
        Image.fromarray(mask).save(root / "masks" / f"{i}.png")
        lines.append(f"{i}: {names[label]}\n")
    (root / "labeled.txt").write_text("0\n1\n")
    (root / "weak.txt").write_text("".join(lines[2:]))
    return training


def test_from_image_labels_to_a_segmentor(run_tool, squares, tmp_path, capsys):
    base = squares.read_text()
    classifier = tmp_path / "classifier.py"
    classifier.write_text(base + CLASSIFIER)
    run_tool("train.py", classifier, "--work-dir", tmp_path / "classifier")
    capsys.readouterr()
    store = tmp_path / "store"
    checkpoint = tmp_path / "classifier/iter_60.pth"
    make = ["generate_cams.py", classifier, checkpoint, "--out", store]
    run_tool(*make, "--scales", 1, "--background", 0.2, "--confidence")
    assert "9 pseudo-masks" in capsys.readouterr().out
    manifest = json.loads((store / "manifest.json").read_text())
    assert manifest["classes"] == ["ground", "cat", "dog"]
    labels, truth = (
        np.stack([np.array(Image.open(folder / f"{i}.png")) for i in range(2, 11)])
        for folder in (store / "masks", tmp_path / "data/masks")
    )
    objects = (labels > 0) & (labels < 255)
    assert objects.mean() > 0.02
    assert (labels == truth)[objects].mean() > 0.45, "a seventh of the pixels"
    assert not objects[::3].any(), "these images show none"
    with pytest.raises(SystemExit, match="background"):
        run_tool(*make, "--background", 0.5)

    weak = tmp_path / "weak.py"
    weak.write_text(f"{base}\nstore = {str(store)!r}\n{WEAK}")
    run_tool("train.py", weak, "--work-dir", tmp_path / "weak")
    trained = load_checkpoint_file(tmp_path / "weak/iter_4.pth")
    assert "objectives.weak_mask.classifier.weight" in trained["state_dict"]
    log = next((tmp_path / "weak").rglob("*.log")).read_text()
    assert "weak_mask.loss" in log
    run_tool("export.py", weak, tmp_path / "weak/iter_4.pth", "--out", tmp_path / "out")
    exported = load_checkpoint_file(tmp_path / "out/model.pth")
    assert not any("objectives" in name for name in exported["state_dict"])
