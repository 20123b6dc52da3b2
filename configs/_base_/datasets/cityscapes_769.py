# Cityscapes at its full resolution as U2PL uses it: crops of 769x769 pixels of images
# scaled by 0.5 to 2; 16 with masks a step, 2 on each of 8 GPUs.
_base_ = ["./cityscapes_full.py"]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(
        type="RandomResize", scale=(2048, 1024), ratio_range=(0.5, 2.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(769, 769), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
