# Cityscapes at half its resolution as French et al. use it: crops of 256x512 pixels, 4
# with masks a step.
_base_ = ["./cityscapes.py"]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="Resize", scale=(1024, 512), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(256, 512), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
