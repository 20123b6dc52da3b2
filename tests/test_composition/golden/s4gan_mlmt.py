composed = dict(
    notes=[
        's4gan: a step of one process: 2 labeled, 2 unlabeled images',
        'mlmt: learning rate 0.00375 of MultiLabelMeanTeacher: 0.03 is for 16 labelled images in a step, and yours has 2',
        'mlmt: a step of one process: 2 labeled, 10 unlabeled images',
        "mlmt: 1 of the config's 4 iterations",
    ],
    source=dict(method='s4gan_mlmt', unlabeled=[
        'photos',
    ]))
custom_hooks = [
    dict(allow=[
        'missing-class',
    ], level='cheap', type='DataCheckHook'),
    dict(type='TeacherUpdateHook'),
]
custom_imports = dict(
    allow_failed_imports=False, imports=[
        'mmseg_semisup',
    ])
default_hooks = dict(
    checkpoint=dict(
        by_epoch=False,
        interval=4,
        rule='greater',
        save_best='mIoU',
        type='AtomicCheckpointHook'),
    health=dict(type='HealthHook'),
    logger=dict(interval=1, log_metric_by_epoch=False, type='LoggerHook'),
    param_scheduler=dict(type='ParamSchedulerHook'),
    runtime_info=dict(type='DeferredInfoHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    timer=dict(type='IterTimerHook'))
default_scope = 'mmseg'
log_processor = dict(by_epoch=False)
model = dict(
    objectives=dict(),
    segmentor=dict(
        backbone=dict(
            base_channels=8,
            depth=18,
            dilations=(
                1,
                1,
            ),
            norm_cfg=dict(requires_grad=True, type='BN'),
            num_stages=2,
            out_indices=(
                0,
                1,
            ),
            stem_channels=8,
            strides=(
                1,
                2,
            ),
            type='ResNet'),
        data_preprocessor=dict(
            bgr_to_rgb=True,
            mean=[
                120.0,
                120.0,
                120.0,
            ],
            seg_pad_val=255,
            size=(
                32,
                40,
            ),
            std=[
                60.0,
                60.0,
                60.0,
            ],
            type='SegDataPreProcessor'),
        decode_head=dict(
            channels=8,
            in_channels=16,
            in_index=1,
            loss_decode=dict(type='CrossEntropyLoss'),
            norm_cfg=dict(requires_grad=True, type='BN'),
            num_classes=2,
            num_convs=1,
            type='FCNHead'),
        test_cfg=dict(mode='whole'),
        train_cfg=dict(),
        type='EncoderDecoder'),
    type='SemiSegmentor')
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(lr=0.01, momentum=0.9, type='SGD')))
param_scheduler = [
    dict(
        begin=0,
        by_epoch=False,
        end=4,
        eta_min=0.0001,
        power=0.9,
        type='PolyLR'),
]
randomness = dict(seed=0)
stages = [
    dict(
        changes=dict(
            custom_hooks=[
                dict(
                    allow=[
                        'missing-class',
                    ],
                    level='cheap',
                    type='DataCheckHook'),
                dict(type='TeacherUpdateHook'),
                dict(type='ScoreCurveHook'),
            ],
            model=dict(
                objectives=dict(
                    feature_matching=dict(
                        discriminator=dict(type='ImageDiscriminator'),
                        gamma=0.6,
                        self_training_weight=1.0,
                        type='FeatureMatchingObjective',
                        weight=0.1))),
            optim_wrapper=dict(
                discriminator=dict(
                    optimizer=dict(
                        betas=(
                            0.9,
                            0.99,
                        ), lr=0.0001, type='Adam')))),
        name='s4gan'),
    dict(
        changes=dict(
            default_hooks=dict(checkpoint=dict(interval=1, save_best='mAP')),
            model=dict(
                _delete_=True,
                classifier=dict(
                    backbone=dict(
                        base_channels=8,
                        depth=18,
                        dilations=(
                            1,
                            1,
                        ),
                        norm_cfg=dict(requires_grad=True, type='BN'),
                        num_stages=2,
                        out_indices=(
                            0,
                            1,
                        ),
                        stem_channels=8,
                        strides=(
                            1,
                            2,
                        ),
                        type='ResNet'),
                    num_classes=2,
                    type='MultiLabelClassifier'),
                consistency=dict(
                    kind='mse',
                    ramp=0.5,
                    ramp_shape='sigmoid',
                    start=0.1,
                    weight=1.0),
                data_preprocessor=dict(
                    bgr_to_rgb=True,
                    mean=[
                        120.0,
                        120.0,
                        120.0,
                    ],
                    seg_pad_val=255,
                    std=[
                        60.0,
                        60.0,
                        60.0,
                    ],
                    type='SegDataPreProcessor'),
                teacher=dict(momentum=0.999, norm='ema'),
                test_cfg=dict(predict_with='teacher'),
                type='MultiLabelMeanTeacher'),
            optim_wrapper=dict(
                segmentor=dict(
                    optimizer=dict(
                        lr=0.00375, nesterov=True, weight_decay=1e-05))),
            param_scheduler=dict(
                _delete_=True,
                segmentor=[
                    dict(
                        begin=0,
                        by_epoch=False,
                        end=1,
                        eta_min=0.0001,
                        type='CosineAnnealingLR'),
                ]),
            test_dataloader=dict(
                dataset=dict(pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations'),
                    dict(
                        ignore_index=255,
                        num_classes=2,
                        type='LoadImageLabels'),
                    dict(keep_ratio=False, scale=(
                        40,
                        32,
                    ), type='Resize'),
                    dict(type='PackImageLabels'),
                ])),
            test_evaluator=[
                dict(folds=5, type='MultiLabelMetric'),
            ],
            train_cfg=dict(max_iters=1, val_interval=1),
            train_dataloader=dict(
                batch_size=12,
                dataset=dict(
                    sources=dict(
                        labeled=dict(pipeline=[
                            dict(type='LoadImageFromFile'),
                            dict(type='LoadAnnotations'),
                            dict(
                                ignore_index=255,
                                num_classes=2,
                                type='LoadImageLabels'),
                            dict(
                                shared=[
                                    dict(
                                        keep_ratio=False,
                                        scale=(
                                            40,
                                            32,
                                        ),
                                        type='Resize'),
                                ],
                                type='MultiView',
                                views=dict(
                                    labeled=[
                                        dict(
                                            brightness=0.4,
                                            contrast=0.4,
                                            hue=0.1,
                                            prob=1.0,
                                            saturation=0.4,
                                            type='ColorJitter'),
                                        dict(prob=0.5, type='RandomFlip'),
                                        dict(
                                            kernel_size=13,
                                            prob=1.0,
                                            sigma=(
                                                0.1,
                                                2.0,
                                            ),
                                            type='RandomGaussianBlur'),
                                        dict(type='PackImageLabels'),
                                    ],
                                    labeled_teacher=[
                                        dict(prob=0.5, type='RandomFlip'),
                                        dict(type='PackImageLabels'),
                                    ])),
                        ]),
                        unlabeled=dict(pipeline=[
                            dict(type='LoadImageFromFile'),
                            dict(
                                shared=[
                                    dict(
                                        keep_ratio=False,
                                        scale=(
                                            40,
                                            32,
                                        ),
                                        type='Resize'),
                                ],
                                type='MultiView',
                                views=dict(
                                    unlabeled=[
                                        dict(
                                            brightness=0.4,
                                            contrast=0.4,
                                            hue=0.1,
                                            prob=1.0,
                                            saturation=0.4,
                                            type='ColorJitter'),
                                        dict(prob=0.5, type='RandomFlip'),
                                        dict(
                                            kernel_size=13,
                                            prob=1.0,
                                            sigma=(
                                                0.1,
                                                2.0,
                                            ),
                                            type='RandomGaussianBlur'),
                                        dict(type='PackSegInputs'),
                                    ],
                                    unlabeled_teacher=[
                                        dict(prob=0.5, type='RandomFlip'),
                                        dict(type='PackSegInputs'),
                                    ])),
                        ]))),
                sampler=dict(ratio=dict(unlabeled=5))),
            val_dataloader=dict(
                dataset=dict(pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations'),
                    dict(
                        ignore_index=255,
                        num_classes=2,
                        type='LoadImageLabels'),
                    dict(keep_ratio=False, scale=(
                        40,
                        32,
                    ), type='Resize'),
                    dict(type='PackImageLabels'),
                ])),
            val_evaluator=[
                dict(folds=5, type='MultiLabelMetric'),
            ]),
        name='mlmt'),
    dict(
        changes=dict(
            model=dict(
                _delete_=True,
                background='background',
                classes=[
                    'background',
                    'object',
                ],
                classifier=dict(
                    backbone=dict(
                        base_channels=8,
                        depth=18,
                        dilations=(
                            1,
                            1,
                        ),
                        norm_cfg=dict(requires_grad=True, type='BN'),
                        num_stages=2,
                        out_indices=(
                            0,
                            1,
                        ),
                        stem_channels=8,
                        strides=(
                            1,
                            2,
                        ),
                        type='ResNet'),
                    num_classes=2,
                    type='MultiLabelClassifier'),
                classifier_checkpoint='{mlmt.last}',
                classifier_size=(
                    32,
                    40,
                ),
                segmentor=dict(
                    backbone=dict(
                        base_channels=8,
                        depth=18,
                        dilations=(
                            1,
                            1,
                        ),
                        norm_cfg=dict(requires_grad=True, type='BN'),
                        num_stages=2,
                        out_indices=(
                            0,
                            1,
                        ),
                        stem_channels=8,
                        strides=(
                            1,
                            2,
                        ),
                        type='ResNet'),
                    data_preprocessor=dict(
                        bgr_to_rgb=True,
                        mean=[
                            120.0,
                            120.0,
                            120.0,
                        ],
                        seg_pad_val=255,
                        size=(
                            32,
                            40,
                        ),
                        std=[
                            60.0,
                            60.0,
                            60.0,
                        ],
                        type='SegDataPreProcessor'),
                    decode_head=dict(
                        channels=8,
                        in_channels=16,
                        in_index=1,
                        loss_decode=dict(type='CrossEntropyLoss'),
                        norm_cfg=dict(requires_grad=True, type='BN'),
                        num_classes=2,
                        num_convs=1,
                        type='FCNHead'),
                    test_cfg=dict(mode='whole'),
                    train_cfg=dict(),
                    type='EncoderDecoder'),
                segmentor_checkpoint='{s4gan.last}',
                tau=0.2,
                type='FusedSegmentor'),
            test_cfg=dict(type='FusionTestLoop')),
        name='fused',
        task='evaluate'),
]
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=1,
    dataset=dict(
        classes=[
            'background',
            'object',
        ],
        data_root='data/val',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
        test_mode=True,
        type='FolderDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
test_evaluator = dict(
    iou_metrics=[
        'mIoU',
    ], type='IoUMetric')
train_cfg = dict(max_iters=4, type='IterBasedTrainLoop', val_interval=4)
train_dataloader = dict(
    batch_size=4,
    collate_fn=dict(type='branch_collate'),
    dataset=dict(
        sources=dict(
            labeled=dict(
                classes=[
                    'background',
                    'object',
                ],
                data_root='data/train',
                pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations'),
                    dict(
                        cat_max_ratio=0.75,
                        crop_size=(
                            32,
                            40,
                        ),
                        type='RandomCrop'),
                    dict(prob=0.5, type='RandomFlip'),
                    dict(type='PhotoMetricDistortion'),
                    dict(type='PackSegInputs'),
                ],
                type='FolderDataset'),
            unlabeled=dict(
                exclude=[
                    'source:labeled',
                    dict(
                        classes=[
                            'background',
                            'object',
                        ],
                        data_root='data/val',
                        pipeline=[],
                        test_mode=True,
                        type='FolderDataset'),
                ],
                paths=[
                    'photos',
                ],
                pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(
                        shared=[
                            dict(
                                cat_max_ratio=1.0,
                                crop_size=(
                                    32,
                                    40,
                                ),
                                type='RandomCrop'),
                            dict(prob=0.5, type='RandomFlip'),
                        ],
                        type='MultiView',
                        views=dict(unlabeled=[
                            dict(type='PhotoMetricDistortion'),
                            dict(type='PackSegInputs'),
                        ])),
                ],
                type='UnlabeledDataset')),
        type='SemiDataset'),
    num_workers=0,
    sampler=dict(ratio=dict(labeled=1, unlabeled=1), type='SourceSampler'))
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=1,
    dataset=dict(
        classes=[
            'background',
            'object',
        ],
        data_root='data/val',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
        test_mode=True,
        type='FolderDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
val_evaluator = dict(
    iou_metrics=[
        'mIoU',
    ], type='IoUMetric')
