# Cityscapes at half its resolution, 512x1024 pixels, in training and in scoring, as
# AdvSemiSeg and its successors do: 2975 images to train, 500 to validate. A config names
# the list of those whose masks are used, the others are unlabelled:
#   labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
# (mmseg_semisup/datasets/splits/README.md has the names). data_root is laid out as for
# mmseg.
data_root = "data/cityscapes"
load = dict(type="LoadImageFromFile")
half = dict(type="Resize", scale=(1024, 512), keep_ratio=True)
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    half,
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
# Mask and predictions have the size of the small image.
test_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    half,
    dict(type="SetOriginalShape"),
    dict(type="PackSegInputs"),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="CityscapesDataset",
        data_root=data_root,
        data_prefix=dict(img_path="leftImg8bit/train", seg_map_path="gtFine/train"),
        pipeline=train_pipeline,
    ),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="leftImg8bit/train"),
    img_suffix="_leftImg8bit.png",
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="CityscapesDataset",
        data_root=data_root,
        data_prefix=dict(img_path="leftImg8bit/val", seg_map_path="gtFine/val"),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
