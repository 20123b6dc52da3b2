# PASCAL VOC 2012 with the masks of SBD as AugSeg uses it: crops of 513x513 pixels of
# images scaled by 0.5 to 2; 16 with masks a step, 8 on each of 2 GPUs.
_base_ = ["./pascal_voc12_aug.py"]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    # VOC's images have 500 pixels along their longer side.
    dict(
        type="RandomResize", scale=(500, 500), ratio_range=(0.5, 2.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(513, 513), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
