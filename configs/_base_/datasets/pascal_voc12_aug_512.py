# PASCAL VOC 2012 with the masks of SBD as cross pseudo supervision uses it: crops of
# 512x512 pixels of images at one of six scales; 8 with masks a step.
_base_ = ["./pascal_voc12_aug.py"]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    # 0.5, 0.75, 1, 1.5, 1.75 and 2 times the longer side of VOC's images.
    dict(
        type="RandomChoiceResize",
        scales=[
            (250, 250),
            (375, 375),
            (500, 500),
            (750, 750),
            (875, 875),
            (1000, 1000),
        ],
        keep_ratio=True,
    ),
    dict(type="RandomCrop", crop_size=(512, 512), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
