# Which of VOC's classes an image shows, learnt from image labels alone: 5 epochs over all
# 10582 images, as the code of Ouali et al. does. Its class activation maps become the
# pseudo-labels of context-aware-weak_deeplabv3plus-r50_93k_voc-1464. Here the labels are
# read off masks; a list of labels instead is shown in README.md.
_base_ = [
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
preprocessor = dict(
    _delete_=True,
    type="SemiDataPreprocessor",
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    size=(512, 512),
)
model = dict(
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
)
method = dict(
    base="cam_classifier",
    model=dict(data_preprocessor=preprocessor),
    ratio=dict(weak=7),
    labeled_batch=2,
    iterations=1,
)
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
weak = dict(_base_.train_dataloader.dataset, exclude="source:labeled", pipeline=None)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        pipeline=[
            _base_.load,
            dict(type="LoadAnnotations"),
            dict(
                type="RandomResize",
                scale=(640, 640),
                ratio_range=(0.5, 1.0),
                keep_ratio=True,
            ),
            dict(type="RandomCrop", crop_size=(512, 512), cat_max_ratio=1.0),
            dict(type="RandomFlip", prob=0.5),
            dict(type="PackSegInputs"),
        ],
    ),
)
train_cfg = dict(max_iters=3307, val_interval=3307)
default_hooks = dict(checkpoint=dict(interval=3307))
