# PASCAL-Context with 60 classes, background among them: 4996 or 4998 images to train.
# Nobody has published lists of those whose masks are used; make them once with
#   python tools/make_split.py --list ImageSets/SegmentationContext/train.txt \
#     --masks SegmentationClassContext --num-classes 60 --fractions 1/8 1/4 \
#     --out ImageSets/SegmentationContext/semi
# in data_root, which is laid out as for mmseg. A config names one:
#   labeled = "ImageSets/SegmentationContext/semi/1_8_labeled.txt"
data_root = "data/VOCdevkit/VOC2010"
prefix = dict(img_path="JPEGImages", seg_map_path="SegmentationClassContext")
load = dict(type="LoadImageFromFile")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    # VOC's images have 500 pixels along their longer side.
    dict(
        type="RandomResize", scale=(500, 500), ratio_range=(0.5, 2.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(321, 321), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [load, dict(type="LoadAnnotations"), dict(type="PackSegInputs")]

train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="PascalContextDataset",
        data_root=data_root,
        data_prefix=prefix,
        ann_file="ImageSets/SegmentationContext/train.txt",
        pipeline=train_pipeline,
    ),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="JPEGImages"),
    ann_file="ImageSets/SegmentationContext/train.txt",
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="PascalContextDataset",
        data_root=data_root,
        data_prefix=prefix,
        ann_file="ImageSets/SegmentationContext/val.txt",
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
