# The multi-label mean teacher, MLMT (Mittal et al., TPAMI 2019,
# https://arxiv.org/abs/1908.05724, section 3.2): a classifier of the classes that an image
# shows. It learns the classes of labelled images, and of images with image labels, and to
# agree with its own average on all images (Eq. 6). Its backbone is a copy of the
# segmentor's, with the pretrained weights. Values: section 4.1; where the paper is silent
# (optimizer, batch, ramp, average, augmentation), those of the authors' code.
views = [
    dict(
        type="ColorJitter",
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        prob=1.0,
    ),
    dict(type="RandomFlip", prob=0.5),
    # Every image, with a kernel that holds three times the greatest sigma.
    dict(type="RandomGaussianBlur", kernel_size=13, sigma=(0.1, 2.0), prob=1.0),
]
teacher_view = [dict(type="RandomFlip", prob=0.5)]
# Images are squashed to 320x320 pixels, or to the segmentor's crop where it is smaller.
squashed = dict(geometry=[dict(type="Resize", scale="{scale}", keep_ratio=False)])
with_labels = dict(
    squashed,
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
        ),
        teacher=dict(momentum=0.999, norm="ema"),
        # Begins after a tenth of the training, and grows over half of it.
        consistency=dict(
            weight=1.0, kind="mse", start=0.1, ramp=0.5, ramp_shape="sigmoid"
        ),
        test_cfg=dict(predict_with="teacher"),
    ),
    image_size=320,
    labeled=dict(with_labels, views=dict(labeled=views, labeled_teacher=teacher_view)),
    unlabeled=squashed,
    views=dict(unlabeled=views, unlabeled_teacher=teacher_view),
    weak=dict(with_labels, views=dict(weak=views, weak_teacher=teacher_view)),
    tested=with_labels,
    # 16 labelled and 80 other images. Six images of 320x320 pixels hold as many as 2.3
    # crops of 512x512, so that the step needs no more memory than s4GAN's.
    ratio=dict(unlabeled=3, weak=2),
    labeled_batch=16,
    # 3400 iterations beside the segmentor's 35000, with 529 labelled images.
    iterations=3400 / 35000,
    optim_wrapper=dict(
        segmentor=dict(
            optimizer=dict(
                type="SGD", lr=0.03, momentum=0.9, nesterov=True, weight_decay=1e-5
            ),
        ),
    ),
    param_scheduler=dict(segmentor=[dict(type="CosineAnnealingLR", eta_min=1e-4)]),
    evaluators=[dict(type="MultiLabelMetric", folds=5)],
)
