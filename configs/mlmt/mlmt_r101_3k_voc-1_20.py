# MLMT on VOC with 529 masks (1/20): 16 labelled and 80 unlabelled images a step.
_base_ = [
    "../_base_/models/mlmt_r101.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/mlmt_3k.py",
    "../_base_/default_runtime.py",
]
# Begins after a tenth of the schedule, grows over half of it.
model = dict(consistency=dict(start=330, ramp=1650))
load = _base_.load
squash, flip, student = _base_.squash, _base_.flip, _base_.student
pack = dict(type="PackImageLabels")
labels = dict(type="LoadImageLabels", num_classes=21)
with_labels = [load, dict(type="LoadAnnotations"), labels]
test_pipeline = [*with_labels, squash, pack]
train_dataloader = dict(
    batch_size=96,
    sampler=dict(ratio=dict(labeled=1, unlabeled=5)),
    dataset=dict(
        sources=dict(
            labeled=dict(
                ann_file="split:voc12aug/mittal_529_labeled.txt",
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
default_hooks = dict(checkpoint=dict(interval=1100, save_best="mAP"))
