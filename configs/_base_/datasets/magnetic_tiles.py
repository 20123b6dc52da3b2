# Grey photographs of magnetic tiles with five kinds of defects (Huang, Qiu, Yuan: "Surface
# defect saliency of magnetic tile", The Visual Computer, 2018): 940 images to train, 404
# to validate, 103 to 632 pixels long; seven tenths show no defect. 59 of them are
# labelled, if a config says so:
#   labeled = "splits/seed0_1_16_labeled.txt"
# data_root holds images/<id>.jpg, masks/<id>.png and splits/*.txt; README.md of
# configs/supervised says where the images come from, and how the masks are made.
data_root = "data/magnetic_tiles"
load = dict(type="LoadImageFromFile")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    # A blowhole has about 130 pixels, so images are not made much smaller.
    dict(
        type="RandomChoice",
        transforms=[
            [dict(type="Resize", scale_factor=factor, keep_ratio=True)]
            for factor in (0.75, 1.0, 1.25)
        ],
    ),
    # Of a labelled image with a defect, most crops show some of it.
    dict(type="RandomCrop", crop_size=(128, 128), cat_max_ratio=0.995),
    dict(
        type="RandomFlip",
        prob=[0.25, 0.25, 0.25],
        direction=["horizontal", "vertical", "diagonal"],
    ),
    dict(type="PackSegInputs"),
]
test_pipeline = [load, dict(type="LoadAnnotations"), dict(type="PackSegInputs")]
masks = dict(
    type="BaseSegDataset",
    data_root=data_root,
    data_prefix=dict(img_path="images", seg_map_path="masks"),
    img_suffix=".jpg",
    seg_map_suffix=".png",
    metainfo=dict(
        classes=["free", "blowhole", "break", "crack", "fray", "uneven"],
        palette=[
            [60, 60, 68],
            [230, 85, 60],
            [250, 190, 50],
            [60, 165, 110],
            [70, 120, 220],
            [190, 90, 200],
        ],
    ),
)

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(**masks, ann_file="splits/train.txt", pipeline=train_pipeline),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="images"),
    ann_file="splits/train.txt",
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        **masks, ann_file="splits/val.txt", pipeline=test_pipeline, test_mode=True
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
