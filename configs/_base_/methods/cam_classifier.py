# A classifier whose class activation maps become pseudo-masks (Ouali et al., CVPR 2020,
# https://github.com/yassouali/CCT, as context-aware consistency uses it): it learns which
# classes an image shows, with a copy of the segmentor's backbone. Values: those of its
# code, for 1464 masks and 9118 image labels of VOC.
with_labels = dict(
    load=[
        dict(
            type="LoadImageLabels",
            num_classes="{num_classes}",
            ignore_index="{ignore_index}",
        )
    ],
    pack=dict(type="PackImageLabels"),
)
method = dict(
    model=dict(
        type="MultiLabelMeanTeacher",
        data_preprocessor="{preprocessor}",
        classifier=dict(
            type="MultiLabelClassifier",
            backbone="{backbone}",
            num_classes="{num_classes}",
            # A bias has no position.
            bias=False,
        ),
    ),
    # Scale, crop and flip of the labelled images, and no colours.
    labeled=dict(with_labels, views=dict(labeled=[])),
    weak=dict(with_labels, views=dict(weak=[])),
    tested=with_labels,
    # As many images as in a step of the segmentor.
    ratio=dict(weak=1),
    labeled_batch=8,
    # 5 epochs over all images, beside the segmentor's 92560 iterations.
    iterations=3307 / 92560,
    optim_wrapper=dict(
        segmentor=dict(
            optimizer=dict(type="SGD", lr=1.0, momentum=0.9, weight_decay=1e-4),
            paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
        ),
    ),
    param_scheduler=dict(segmentor=[dict(type="PolyLR", power=0.9, eta_min=0.0)]),
    evaluators=[dict(type="MultiLabelMetric", folds=5)],
)
