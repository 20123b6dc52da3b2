# PASCAL VOC 2012 with the masks of SBD as ST uses it: crops of 321x321 pixels of images whose
# longer side has 200 to 800; 8 with masks a step.
_base_ = ["./pascal_voc12_aug.py"]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(
        type="RandomResize", scale=(400, 400), ratio_range=(0.5, 2.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(321, 321), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
