# Cityscapes at its full resolution as cross pseudo supervision uses it: crops of 800x800
# pixels of images at one of six scales; 8 with masks a step.
_base_ = ["./cityscapes_full.py"]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    # 0.5, 0.75, 1, 1.5, 1.75 and 2 times the size of the images.
    dict(
        type="RandomChoiceResize",
        scales=[
            (1024, 512),
            (1536, 768),
            (2048, 1024),
            (3072, 1536),
            (3584, 1792),
            (4096, 2048),
        ],
        keep_ratio=True,
    ),
    dict(type="RandomCrop", crop_size=(800, 800), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
