# Both branches of Mittal et al. 2019 on the generated scenes: s4GAN, then a multi-label
# mean teacher, then both as one segmentor, tested (s4gan 400 and mlmt 400 iterations).
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
segmentor = dict(
    _base_.model, data_preprocessor=None, train_cfg=dict(), test_cfg=dict(mode="whole")
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
param_scheduler = [dict(_base_.param_scheduler[0], end=400)]
train_cfg = dict(max_iters=400, val_interval=200)

s4gan = dict(
    model=dict(
        _delete_=True,
        type="SemiSegmentor",
        data_preprocessor=_base_.model.data_preprocessor,
        segmentor=segmentor,
        objectives=dict(
            feature_matching=dict(
                type="FeatureMatchingObjective",
                discriminator=dict(
                    type="ImageDiscriminator",
                    channels=(16, 32, 64, 128),
                ),
                weight=0.1,
                self_training_weight=1.0,
                gamma=0.6,
            )
        ),
    ),
    optim_wrapper=dict(
        discriminator=dict(optimizer=dict(type="Adam", lr=1e-3, betas=(0.9, 0.99)))
    ),
    train_dataloader=dict(
        dataset=dict(
            sources=dict(
                unlabeled=dict(
                    pipeline=[
                        load,
                        dict(
                            type="MultiView",
                            shared=[flips, colors],
                            views=dict(unlabeled=[pack]),
                        ),
                    ]
                )
            )
        )
    ),
)
image_labels = dict(type="LoadImageLabels", num_classes=5)
pack_labels = dict(type="PackImageLabels")
with_labels = [load, dict(type="LoadAnnotations"), image_labels]
judged = dict(dataset=dict(pipeline=[*with_labels, pack_labels]))
metric = dict(_delete_=True, type="MultiLabelMetric")
mlmt = dict(
    model=dict(
        _delete_=True,
        type="MultiLabelMeanTeacher",
        data_preprocessor=_base_.model.data_preprocessor,
        classifier=classifier,
        teacher=dict(momentum=0.99),
        consistency=dict(start=40, ramp=200),
        test_cfg=dict(predict_with="teacher"),
    ),
    train_dataloader=dict(
        dataset=dict(
            sources=dict(
                labeled=dict(
                    pipeline=[
                        *with_labels,
                        dict(
                            type="MultiView",
                            views=dict(
                                labeled=[flips, colors, pack_labels],
                                labeled_teacher=[flips, pack_labels],
                            ),
                        ),
                    ]
                ),
                unlabeled=dict(
                    pipeline=[
                        load,
                        dict(
                            type="MultiView",
                            views=dict(
                                unlabeled=[flips, colors, pack],
                                unlabeled_teacher=[flips, pack],
                            ),
                        ),
                    ]
                ),
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
        segmentor=segmentor,
        classifier=classifier,
        segmentor_checkpoint="{s4gan.last}",
        classifier_checkpoint="{mlmt.last}",
        classes=_base_.metainfo.classes,
        classifier_size=(64, 64),
    ),
    # The scenes have 4096 pixels.
    test_cfg=dict(type="FusionTestLoop", pixel_grid=list(range(50, 401, 50))),
)
stages = [
    dict(name="s4gan", changes=s4gan),
    dict(name="mlmt", changes=mlmt),
    dict(name="fused", task="evaluate", changes=fused),
]
