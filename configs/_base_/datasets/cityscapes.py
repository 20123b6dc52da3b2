# Cityscapes at half its resolution, 512x1024 pixels, in training and in scoring, as
# AdvSemiSeg and its successors do: 372 images with masks (1/8), 2603 without, 500 to
# validate. Other lists:
#   train_dataloader.dataset.sources.labeled.ann_file=split:cityscapes/NAME.txt
# (mmseg_semisup/datasets/splits/README.md has the names). The unlabelled images are
# always the rest. data_root is laid out as for mmseg.
data_root = "data/cityscapes"
crop_size = (512, 1024)
load = dict(type="LoadImageFromFile")
half = dict(type="Resize", scale=(1024, 512), keep_ratio=True)
flip = dict(type="RandomFlip", prob=0.5)
pack = dict(type="PackSegInputs")
# Mask and predictions have the size of the small image.
test_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    half,
    dict(type="SetOriginalShape"),
    pack,
]

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="SourceSampler", ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type="branch_collate"),
    dataset=dict(
        type="SemiDataset",
        sources=dict(
            labeled=dict(
                type="CityscapesDataset",
                data_root=data_root,
                data_prefix=dict(
                    img_path="leftImg8bit/train", seg_map_path="gtFine/train"
                ),
                ann_file="split:cityscapes/unimatch_1_8_labeled.txt",
                pipeline=[load, dict(type="LoadAnnotations"), half, flip, pack],
            ),
            unlabeled=dict(
                type="UnlabeledDataset",
                data_root=data_root,
                data_prefix=dict(img_path="leftImg8bit/train"),
                img_suffix="_leftImg8bit.png",
                exclude="source:labeled",
                pipeline=[
                    load,
                    dict(
                        type="MultiView",
                        shared=[half, flip],
                        views=dict(unlabeled=[pack]),
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
