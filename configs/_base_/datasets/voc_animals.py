# Seven classes of VOC 2012: 1157 images to train, 445 to validate; 65 of them are
# labelled, if a config says so:
#   labeled = "splits/unimatch183_labeled.txt"
# data_root holds images/<id>.jpg, masks/<id>.png and splits/*.txt.
data_root = "data/voc_animals"
load = dict(type="LoadImageFromFile")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    dict(
        type="RandomResize", scale=(320, 320), ratio_range=(0.4, 1.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(128, 128), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    load,
    dict(type="Resize", scale_factor=0.7, keep_ratio=True),
    dict(type="LoadAnnotations"),
    dict(type="PackSegInputs"),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="VOCAnimalsDataset",
        data_root=data_root,
        ann_file="splits/train_aug.txt",
        pipeline=train_pipeline,
    ),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="images"),
    ann_file="splits/train_aug.txt",
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="VOCAnimalsDataset",
        data_root=data_root,
        ann_file="splits/val.txt",
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
