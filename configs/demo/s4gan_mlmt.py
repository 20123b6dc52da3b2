# Both branches of Mittal et al. 2019 on the generated scenes: s4GAN, then a multi-label
# mean teacher, then both as one segmentor, tested (s4gan 400 and mlmt 400 iterations).
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=400, by_epoch=False)
]
train_cfg = dict(max_iters=400, val_interval=200)

s4gan = dict(
    base="s4gan",
    objectives=dict(
        feature_matching=dict(discriminator=dict(channels=(16, 32, 64, 128)))
    ),
    optim_wrapper=dict(discriminator=dict(optimizer=dict(lr=1e-3))),
)
classifier = dict(
    type="MultiLabelClassifier",
    backbone=dict(
        type="ResNet",
        depth=18,
        base_channels=16,
        stem_channels=16,
        norm_cfg=_base_.norm_cfg,
        style="pytorch",
    ),
    in_channels=128,
    num_classes=5,
)
load, pack = _base_.load, _base_.pack
flips, colors = _base_.flips, _base_.colors
pack_labels = dict(type="PackImageLabels")
with_labels = [
    load,
    dict(type="LoadAnnotations"),
    dict(type="LoadImageLabels", num_classes=5),
]
labeled_views = dict(
    type="MultiView",
    views=dict(
        labeled=[flips, colors, pack_labels], labeled_teacher=[flips, pack_labels]
    ),
)
unlabeled_views = dict(
    type="MultiView",
    views=dict(unlabeled=[flips, colors, pack], unlabeled_teacher=[flips, pack]),
)

judged = dict(dataset=dict(pipeline=[*with_labels, pack_labels]))
metric = dict(_delete_=True, type="MultiLabelMetric")
mlmt = dict(
    model=dict(
        _delete_=True,
        type="MultiLabelMeanTeacher",
        data_preprocessor=_base_.model.data_preprocessor,
        classifier=classifier,
        teacher=dict(momentum=0.99),
        consistency=dict(start=0.1, ramp=0.5),
        test_cfg=dict(predict_with="teacher"),
    ),
    train_dataloader=dict(
        dataset=dict(
            sources=dict(
                labeled=dict(pipeline=[*with_labels, labeled_views]),
                unlabeled=dict(pipeline=[load, unlabeled_views]),
            )
        )
    ),
    val_dataloader=judged,
    test_dataloader=judged,
    val_evaluator=metric,
    test_evaluator=metric,
    default_hooks=dict(checkpoint=dict(save_best="mAP")),
)
fused = dict(
    model=dict(
        _delete_=True,
        type="FusedSegmentor",
        data_preprocessor=_base_.model.data_preprocessor,
        segmentor=dict(_base_.model, data_preprocessor=None),
        classifier=classifier,
        segmentor_checkpoint="{s4gan.last}",
        classifier_checkpoint="{mlmt.last}",
        classes=_base_.metainfo.classes,
        classifier_size=(64, 64),
    ),
    # The scenes have 4096 pixels.
    test_cfg=dict(type="FusionTestLoop", pixel_grid=list(range(50, 401, 50))),
)
both = dict(views=dict(unlabeled="weak"), ratio=dict(unlabeled=1))
method = dict(
    stages=dict(
        s4gan=dict(method=s4gan),
        mlmt=dict(method=both, changes=mlmt),
        fused=dict(method=both, task="evaluate", changes=fused),
    )
)
