# Cityscapes at its full resolution as Lai et al. use it: 372 images with masks (1/8, the
# first of their three lists), two overlapping crops of each other image. Other lists:
#   train_dataloader.dataset.sources.labeled.ann_file=split:cityscapes/NAME.txt
_base_ = ["./cityscapes_full.py"]
crop_size = (720, 720)
resize = dict(
    type="RandomResize", scale=(2048, 1024), ratio_range=(0.5, 2.0), keep_ratio=True
)
flip = dict(type="RandomFlip", prob=0.5)
appearance = [
    flip,
    dict(
        type="ColorJitter",
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        prob=0.8,
    ),
    dict(
        type="RandomGrayscale",
        prob=0.2,
        keep_channels=True,
        channel_weights=(0.114, 0.587, 0.299),
    ),
    dict(type="RandomGaussianBlur", kernel_size=5, prob=0.5),
    dict(type="PackSegInputs"),
]
load = dict(type="LoadImageFromFile")
labeled_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    resize,
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    flip,
    dict(type="PackSegInputs"),
]
two_crops = dict(
    type="MultiView",
    shared=[
        resize,
        dict(type="DrawTwoCrops", crop_size=crop_size, iou_range=(0.1, 1.0), align=8),
    ],
    views=dict(
        unlabeled=[dict(type="TakeCrop", which=0, crop_size=crop_size), *appearance],
        unlabeled_second=[
            dict(type="TakeCrop", which=1, crop_size=crop_size),
            *appearance,
        ],
    ),
)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        sources=dict(
            labeled=dict(
                ann_file="split:cityscapes/cac_0_372_labeled.txt",
                pipeline=labeled_pipeline,
            ),
            unlabeled=dict(pipeline=[load, two_crops]),
        )
    ),
)
