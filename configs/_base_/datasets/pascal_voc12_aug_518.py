# PASCAL VOC 2012 with the masks of SBD as UniMatch V2 uses it: crops of 518x518 pixels,
# 37 patches of 14, of images scaled by 0.5 to 2; 16 with masks a step, 4 on each of 4
# GPUs. Tests see whole images at the nearest multiple of 14.
_base_ = ["./pascal_voc12_aug.py"]
load = dict(type="LoadImageFromFile")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    # VOC's images have 500 pixels along their longer side.
    dict(
        type="RandomResize", scale=(500, 500), ratio_range=(0.5, 2.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(518, 518), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    load,
    dict(type="ResizeToNearestMultiple", divisor=14),
    dict(type="LoadAnnotations"),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
