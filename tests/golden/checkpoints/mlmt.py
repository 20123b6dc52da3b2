_base_ = "_base.py"
load, flip, pack = _base_.load, _base_.flip, dict(type="PackImageLabels")
with_labels = [
    load,
    dict(type="LoadAnnotations"),
    dict(type="LoadImageLabels", num_classes=4),
]
crop = dict(type="RandomCrop", crop_size=(24, 24))
model = dict(
    _delete_=True,
    type="MultiLabelMeanTeacher",
    data_preprocessor=_base_.preprocessor,
    classifier=dict(
        type="MultiLabelClassifier",
        backbone=_base_.backbone,
        in_channels=4,
        num_classes=4,
    ),
    teacher=dict(momentum=0.9),
    consistency=dict(weight=2.0, start=1, ramp=6),
    test_cfg=dict(predict_with="teacher"),
)
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(
                pipeline=[
                    *with_labels,
                    dict(
                        type="MultiView",
                        shared=[crop],
                        views=dict(
                            labeled=[flip, _base_.colors, pack],
                            labeled_teacher=[flip, pack],
                        ),
                    ),
                ]
            ),
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(
                        type="MultiView",
                        shared=[crop],
                        views=dict(
                            unlabeled=[flip, _base_.colors, dict(type="PackSegInputs")],
                            unlabeled_teacher=[flip, dict(type="PackSegInputs")],
                        ),
                    ),
                ]
            ),
        )
    )
)
val_dataloader = dict(dataset=dict(pipeline=[*with_labels, pack]))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="MultiLabelMetric")
test_evaluator = val_evaluator
