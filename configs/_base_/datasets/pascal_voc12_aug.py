# PASCAL VOC 2012 with the masks of SBD: 10582 images to train, 1449 to validate. A config
# names the list of those whose masks are used, the others are unlabelled:
#   labeled = "split:voc12aug/mittal_1322_labeled.txt"
# (mmseg_semisup/datasets/splits/README.md has the names).
#
# data_root is laid out as for mmseg, with one difference: SegmentationClassAug has the
# masks of all 10582 training images, VOC's own where there is one. With the folder that
# mmseg's converter makes from SBD:
#   cp SegmentationClass/*.png SegmentationClassAug/
data_root = "data/VOCdevkit/VOC2012"
load = dict(type="LoadImageFromFile")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    # VOC's images have 500 pixels along their longer side.
    dict(
        type="RandomResize", scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True
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
        type="PascalVOCDataset",
        data_root=data_root,
        data_prefix=dict(img_path="JPEGImages", seg_map_path="SegmentationClassAug"),
        ann_file="split:voc12aug/train_aug.txt",
        pipeline=train_pipeline,
    ),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="JPEGImages"),
    ann_file="split:voc12aug/train_aug.txt",
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="PascalVOCDataset",
        data_root=data_root,
        data_prefix=dict(img_path="JPEGImages", seg_map_path="SegmentationClass"),
        ann_file="ImageSets/Segmentation/val.txt",
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
