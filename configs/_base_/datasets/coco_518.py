# COCO 2017 with 81 classes, background and 80 objects, as UniMatch V2 uses it: 118287
# images to train, 5000 to validate; crops of 518x518 pixels, 37 patches of 14, of images
# scaled by 0.5 to 2; 16 with masks a step, 4 on each of 4 GPUs. Tests see whole images at
# the nearest multiple of 14.
#
# data_root holds train2017/<id>.jpg, val2017/<id>.jpg and masks/<id>.png, whose values are
# 0 for background, 1 to 80 for the objects in the order of COCO's categories, and 255. The
# masks, and the lists of those that are used, in data_root, come from the authors, see
# configs/unimatch/README.md:
#   labeled = "splits/unimatch_232_labeled.txt"
data_root = "data/coco"
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
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="COCOObjectsDataset",
        data_root=data_root,
        data_prefix=dict(img_path="train2017", seg_map_path="masks"),
        pipeline=train_pipeline,
    ),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="train2017"),
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="COCOObjectsDataset",
        data_root=data_root,
        data_prefix=dict(img_path="val2017", seg_map_path="masks"),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
