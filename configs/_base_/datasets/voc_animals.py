# Seven classes of VOC 2012: 65 images with masks, 1092 without, 445 to validate.
# data_root holds images/<id>.jpg, masks/<id>.png and splits/*.txt.
data_root = "data/voc_animals"
crop_size = (128, 128)
scale = (320, 320)
load = dict(type="LoadImageFromFile")
augment = [
    dict(type="RandomResize", scale=scale, ratio_range=(0.4, 1.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
]
pack = dict(type="PackSegInputs")
test_pipeline = [
    load,
    dict(type="Resize", scale_factor=0.7, keep_ratio=True),
    dict(type="LoadAnnotations"),
    pack,
]

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SourceSampler", ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type="branch_collate"),
    dataset=dict(
        type="SemiDataset",
        sources=dict(
            labeled=dict(
                type="VOCAnimalsDataset",
                data_root=data_root,
                ann_file="splits/unimatch183_labeled.txt",
                pipeline=[load, dict(type="LoadAnnotations"), *augment, pack],
            ),
            unlabeled=dict(
                type="UnlabeledDataset",
                data_root=data_root,
                data_prefix=dict(img_path="images"),
                ann_file="splits/train_aug.txt",
                exclude="source:labeled",
                pipeline=[
                    load,
                    dict(
                        type="MultiView", shared=augment, views=dict(unlabeled=[pack])
                    ),
                ],
            ),
        ),
    ),
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
