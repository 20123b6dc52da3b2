# Cityscapes at its full resolution: crops of 512x1024 pixels of images scaled by 0.5 to
# 2, scored on whole images of 1024x2048. Lists as in cityscapes.py.
_base_ = ["./cityscapes.py"]
crop_size = (512, 1024)
load = dict(type="LoadImageFromFile")
augment = [
    dict(
        type="RandomResize", scale=(2048, 1024), ratio_range=(0.5, 2.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
]
pack = dict(type="PackSegInputs")
test_pipeline = [load, dict(type="LoadAnnotations"), pack]

train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(
                pipeline=[load, dict(type="LoadAnnotations"), *augment, pack],
            ),
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(
                        type="MultiView",
                        shared=augment,
                        views=dict(unlabeled=[pack]),
                    ),
                ],
            ),
        ),
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
