# Your own images. Copy this file and set data_root and classes; nothing else is needed:
#   data_root/train/images   all training images, with masks or without
#   data_root/train/masks    a mask for some of them, with the image's name
#   data_root/val/images     images to validate
#   data_root/val/masks      a mask for each of them
# A mask is a grey or palette image; its values are 0 for the first class, 1 for the
# second, ..., 255 for pixels that do not count. The images without a mask are the
# unlabelled ones. tools/check_data.py says what is wrong with a folder.
# Each data set may have palette=[[R, G, B], ...]; the default colours can be told apart.
# The model's num_classes must be the number of classes.
data_root = "data/my_data"
classes = ["background", "object"]
load = dict(type="LoadImageFromFile")
train_pipeline = [
    load,
    dict(type="LoadAnnotations"),
    # Relative to the size of the file. Images of very different sizes, or much larger
    # than the crop: dict(type="RandomResize", scale=(1024, 1024),
    # ratio_range=(0.5, 1.5), keep_ratio=True), relative to a longer side of 1024.
    dict(
        type="RandomChoice",
        transforms=[
            [dict(type="Resize", scale_factor=factor, keep_ratio=True)]
            for factor in (0.5, 0.75, 1.0, 1.25, 1.5)
        ],
    ),
    dict(type="RandomCrop", crop_size=(256, 256), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [load, dict(type="LoadAnnotations"), dict(type="PackSegInputs")]

train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="FolderDataset",
        classes=classes,
        data_root=f"{data_root}/train",
        pipeline=train_pipeline,
    ),
)
unlabeled = dict(
    data_root=f"{data_root}/train",
    data_prefix=dict(img_path="images"),
    exclude="source:labeled",
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="FolderDataset",
        classes=classes,
        data_root=f"{data_root}/val",
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
