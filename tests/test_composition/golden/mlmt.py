composed = dict(
    notes=[
        'learning rate 0.00375 of MultiLabelMeanTeacher: 0.03 is for 16 labelled images in a step, and yours has 2',
        'a step of one process: 2 labeled, 10 unlabeled images',
        "1 of the config's 4 iterations",
    ],
    source=dict(method='mlmt', unlabeled=[
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
        interval=1,
        rule='greater',
        save_best='mAP',
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
        kind='mse', ramp=0.5, ramp_shape='sigmoid', start=0.1, weight=1.0),
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
    type='MultiLabelMeanTeacher')
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(
        optimizer=dict(
            lr=0.00375,
            momentum=0.9,
            nesterov=True,
            type='SGD',
            weight_decay=1e-05)))
param_scheduler = dict(segmentor=[
    dict(
        begin=0,
        by_epoch=False,
        end=1,
        eta_min=0.0001,
        type='CosineAnnealingLR'),
])
randomness = dict(seed=0)
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
            dict(ignore_index=255, num_classes=2, type='LoadImageLabels'),
            dict(keep_ratio=False, scale=(
                40,
                32,
            ), type='Resize'),
            dict(type='PackImageLabels'),
        ],
        test_mode=True,
        type='FolderDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
test_evaluator = [
    dict(folds=5, type='MultiLabelMetric'),
]
train_cfg = dict(max_iters=1, type='IterBasedTrainLoop', val_interval=1)
train_dataloader = dict(
    batch_size=12,
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
                ],
                type='UnlabeledDataset')),
        type='SemiDataset'),
    num_workers=0,
    sampler=dict(ratio=dict(labeled=1, unlabeled=5), type='SourceSampler'))
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
            dict(ignore_index=255, num_classes=2, type='LoadImageLabels'),
            dict(keep_ratio=False, scale=(
                40,
                32,
            ), type='Resize'),
            dict(type='PackImageLabels'),
        ],
        test_mode=True,
        type='FolderDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
val_evaluator = [
    dict(folds=5, type='MultiLabelMetric'),
]
