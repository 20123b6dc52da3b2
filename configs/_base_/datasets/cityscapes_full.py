# Cityscapes at its full resolution: crops of 512x1024 pixels of images scaled by 0.5 to
# 2, scored on whole images of 1024x2048. Lists as in cityscapes.py.
_base_ = ["./cityscapes.py"]
load, pack = dict(type="LoadImageFromFile"), dict(type="PackSegInputs")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    dict(
        type="RandomResize", scale=(2048, 1024), ratio_range=(0.5, 2.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(512, 1024), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    pack,
]
test_pipeline = [load, dict(type="LoadAnnotations"), pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
