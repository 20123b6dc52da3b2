# ADE20K with 150 classes as UniMatch V2 uses it: 20210 images to train, 2000 to validate;
# crops of 518x518 pixels, 37 patches of 14, of images scaled by 0.5 to 2; 8 with masks a
# step, 2 on each of 4 GPUs. Tests see whole images at the nearest multiple of 14.
#
# data_root is laid out as for mmseg; its masks are the original ones, in which 0 is no
# class. A config names the list of those whose masks are used, in data_root:
#   labeled = "splits/unimatch_316_labeled.txt"
# configs/unimatch/README.md says where the lists come from.
data_root = "data/ade/ADEChallengeData2016"
load = dict(type="LoadImageFromFile")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    dict(type="RandomRescale", ratio_range=(0.5, 2.0)),
    dict(type="RandomCrop", crop_size=(518, 518), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    load,
    dict(type="ResizeToNearestMultiple", divisor=14),
    dict(type="LoadAnnotations"),
    dict(type="PackSegInputs"),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="ADE20KDataset",
        data_root=data_root,
        data_prefix=dict(
            img_path="images/training", seg_map_path="annotations/training"
        ),
        pipeline=train_pipeline,
    ),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="images/training"),
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="ADE20KDataset",
        data_root=data_root,
        data_prefix=dict(
            img_path="images/validation", seg_map_path="annotations/validation"
        ),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
