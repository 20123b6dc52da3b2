# MLMT on PASCAL-Context, 60 classes, with 1/8 of the masks.
_base_ = [
    "../_base_/models/mlmt_r101.py",
    "../_base_/datasets/pascal_context.py",
    "../_base_/schedules/mlmt_3k.py",
    "../_base_/default_runtime.py",
]
model = dict(classifier=dict(num_classes=60), consistency=dict(start=390, ramp=1950))
load = _base_.load
squash, flip, student = _base_.squash, _base_.flip, _base_.student
pack = dict(type="PackImageLabels")
labels = dict(type="LoadImageLabels", num_classes=60)
with_labels = [load, dict(type="LoadAnnotations"), labels]
test_pipeline = [*with_labels, squash, pack]
train_dataloader = dict(
    batch_size=96,
    sampler=dict(ratio=dict(labeled=1, unlabeled=5)),
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
# 100 epochs over 624 images.
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-4, begin=0, end=3900, by_epoch=False)
]
train_cfg = dict(max_iters=3900, val_interval=1300)
default_hooks = dict(checkpoint=dict(interval=1300, save_best="mAP"))
