# The scenes that `python -m mmseg_semisup.demo` draws, 64x64 pixels: 16 with masks, 512
# without, 240 to validate. data_root holds images/<id>.png, masks/<id>.png and
# splits/*.txt.
data_root = "work_dirs/demo/seed0/data"
metainfo = dict(
    classes=["background", "stripes", "checks", "dots", "rings"],
    palette=[
        [60, 60, 68],
        [230, 85, 60],
        [250, 190, 50],
        [60, 165, 110],
        [70, 120, 220],
    ],
)
load = dict(type="LoadImageFromFile")
flips = dict(
    type="RandomFlip",
    prob=[0.25, 0.25, 0.25],
    direction=["horizontal", "vertical", "diagonal"],
)
colors = dict(type="PhotoMetricDistortion", hue_delta=90)
pack = dict(type="PackSegInputs")
train_pipeline = [load, dict(type="LoadAnnotations"), flips, colors, pack]
test_pipeline = [load, dict(type="LoadAnnotations"), pack]

masks = dict(
    type="BaseSegDataset",
    data_root=data_root,
    data_prefix=dict(img_path="images", seg_map_path="masks"),
    img_suffix=".png",
    seg_map_suffix=".png",
    metainfo=metainfo,
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(**masks, ann_file="splits/labeled.txt", pipeline=train_pipeline),
)
unlabeled = dict(
    data_root=data_root,
    data_prefix=dict(img_path="images"),
    ann_file="splits/unlabeled.txt",
    exclude=[],
)
val_dataloader = dict(
    batch_size=40,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        **masks, ann_file="splits/val.txt", pipeline=test_pipeline, test_mode=True
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
