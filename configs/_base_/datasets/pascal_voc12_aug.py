# PASCAL VOC 2012 with the masks of SBD: 1322 images with masks (1/8, the first of the
# order that Mittal et al. published), 9260 without, 1449 to validate. Other lists:
#   train_dataloader.dataset.sources.labeled.ann_file=split:voc12aug/NAME.txt
# (mmseg_semisup/datasets/splits/README.md has the names). The unlabelled images are
# always the rest.
#
# data_root is laid out as for mmseg, with one difference: SegmentationClassAug has the
# masks of all 10582 training images, VOC's own where there is one. With the folder that
# mmseg's converter makes from SBD:
#   cp SegmentationClass/*.png SegmentationClassAug/
data_root = "data/VOCdevkit/VOC2012"
crop_size = (321, 321)
load = dict(type="LoadImageFromFile")
augment = [
    # VOC's images have 500 pixels along their longer side.
    dict(
        type="RandomResize", scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
]
pack = dict(type="PackSegInputs")
test_pipeline = [load, dict(type="LoadAnnotations"), pack]

train_dataloader = dict(
    batch_size=20,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="SourceSampler", ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type="branch_collate"),
    dataset=dict(
        type="SemiDataset",
        sources=dict(
            labeled=dict(
                type="PascalVOCDataset",
                data_root=data_root,
                data_prefix=dict(
                    img_path="JPEGImages", seg_map_path="SegmentationClassAug"
                ),
                ann_file="split:voc12aug/mittal_1322_labeled.txt",
                pipeline=[load, dict(type="LoadAnnotations"), *augment, pack],
            ),
            unlabeled=dict(
                type="UnlabeledDataset",
                data_root=data_root,
                data_prefix=dict(img_path="JPEGImages"),
                ann_file="split:voc12aug/train_aug.txt",
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
