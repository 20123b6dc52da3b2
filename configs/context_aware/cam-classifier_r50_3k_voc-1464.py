# Which of VOC's classes an image shows, learnt from image labels alone: 5 epochs over all
# 10582 images, as the code of Ouali et al. does. Its class activation maps become the
# pseudo-labels of context-aware-weak_deeplabv3plus-r50_93k_voc-1464. Here the labels are
# read off masks; a list of labels instead is shown in README.md.
_base_ = [
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
crop_size = (512, 512)
model = dict(
    type="MultiLabelMeanTeacher",
    data_preprocessor=dict(
        type="SemiDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=crop_size,
    ),
    classifier=dict(
        type="MultiLabelClassifier",
        # Output stride 16.
        backbone=dict(
            type="ResNet",
            depth=50,
            num_stages=4,
            out_indices=(3,),
            strides=(1, 2, 2, 1),
            dilations=(1, 1, 1, 1),
            norm_cfg=dict(type="BN", requires_grad=False),
            norm_eval=True,
            init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet50"),
        ),
        in_channels=2048,
        num_classes=21,
        bias=False,
    ),
)
load = dict(type="LoadImageFromFile")
with_labels = [
    load,
    dict(type="LoadAnnotations"),
    dict(type="LoadImageLabels", num_classes=21),
]
pack = dict(type="PackImageLabels")
weak_pipeline = [
    *with_labels,
    dict(
        type="RandomResize", scale=(640, 640), ratio_range=(0.5, 1.0), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    pack,
]
train_dataloader = dict(
    batch_size=16,
    sampler=dict(ratio=dict(_delete_=True, labeled=2, weak=14)),
    dataset=dict(
        sources=dict(
            labeled=dict(
                ann_file="split:voc12aug/unimatch_1464_labeled.txt",
                pipeline=weak_pipeline,
            ),
            weak=dict(
                type="PascalVOCDataset",
                data_root=_base_.data_root,
                data_prefix=_base_.train_dataloader.dataset.sources.labeled.data_prefix,
                ann_file="split:voc12aug/train_aug.txt",
                exclude="source:labeled",
                pipeline=weak_pipeline,
            ),
            unlabeled=None,
        ),
    ),
)
test_pipeline = [*with_labels, pack]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="MultiLabelMetric", folds=5)
test_evaluator = val_evaluator
optim_wrapper = dict(
    _delete_=True,
    constructor="JointOptimWrapperConstructor",
    precision="float32",
    accumulative_counts=1,
    segmentor=dict(
        optimizer=dict(type="SGD", lr=1.0, momentum=0.9, weight_decay=1e-4),
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
        clip_grad=None,
    ),
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=3307, by_epoch=False)
]
train_cfg = dict(max_iters=3307, val_interval=3307)
default_hooks = dict(checkpoint=dict(interval=3307, save_best=None))
