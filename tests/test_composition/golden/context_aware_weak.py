composed = dict(
    notes=[
        'classifier: learning rate 0.25 of MultiLabelMeanTeacher: 1 is for 8 labelled images in a step, and yours has 2',
        'classifier: a step of one process: 2 labeled, 2 weak images',
        "classifier: 1 of the config's 4 iterations",
        'segmentor: a step of one process: 2 labeled, 2 unlabeled images',
    ],
    source=dict(method='context_aware_weak', weak=[
        'labels.txt',
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
                    bias=False,
                    num_classes=2,
                    type='MultiLabelClassifier'),
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
                type='MultiLabelMeanTeacher'),
            optim_wrapper=dict(
                segmentor=dict(
                    optimizer=dict(lr=0.25, weight_decay=0.0001),
                    paramwise_cfg=dict(
                        custom_keys=dict(backbone=dict(lr_mult=0.1))))),
            param_scheduler=dict(
                _delete_=True,
                segmentor=[
                    dict(
                        begin=0,
                        by_epoch=False,
                        end=2,
                        eta_min=0.0,
                        power=0.9,
                        type='PolyLR'),
                ]),
            test_dataloader=dict(
                dataset=dict(pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations'),
                    dict(
                        ignore_index=255,
                        num_classes=2,
                        type='LoadImageLabels'),
                    dict(type='PackImageLabels'),
                ])),
            test_evaluator=[
                dict(folds=5, type='MultiLabelMetric'),
            ],
            train_cfg=dict(max_iters=1, val_interval=1),
            train_dataloader=dict(
                dataset=dict(
                    sources=dict(
                        _delete_=True,
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
                                            cat_max_ratio=1.0,
                                            crop_size=(
                                                32,
                                                40,
                                            ),
                                            type='RandomCrop'),
                                        dict(prob=0.5, type='RandomFlip'),
                                    ],
                                    type='MultiView',
                                    views=dict(labeled=[
                                        dict(type='PackImageLabels'),
                                    ])),
                            ],
                            type='FolderDataset'),
                        weak=dict(
                            allow_missing=True,
                            ann_file='labels.txt',
                            classes=[
                                'background',
                                'object',
                            ],
                            data_prefix=dict(img_path='photos'),
                            pipeline=[
                                dict(type='LoadImageFromFile'),
                                dict(
                                    ignore_index=255,
                                    num_classes=2,
                                    type='LoadImageLabels'),
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
                                    views=dict(weak=[
                                        dict(type='PackImageLabels'),
                                    ])),
                            ],
                            type='WeakLabelDataset'))),
                sampler=dict(ratio=dict(_delete_=True, labeled=1, weak=1))),
            val_dataloader=dict(
                dataset=dict(pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations'),
                    dict(
                        ignore_index=255,
                        num_classes=2,
                        type='LoadImageLabels'),
                    dict(type='PackImageLabels'),
                ])),
            val_evaluator=[
                dict(folds=5, type='MultiLabelMetric'),
            ]),
        name='classifier'),
    dict(
        changes=dict(
            model=dict(
                objectives=dict(
                    context_contrast=dict(
                        bank_size=12800,
                        branches=[
                            'unlabeled_first',
                            'unlabeled_second',
                        ],
                        gamma=0.75,
                        pool=None,
                        projector=dict(channels=128),
                        start=0.0625,
                        temperature=0.1,
                        type='ContextContrastObjective',
                        weight=0.1),
                    weak_mask=dict(
                        branches=[
                            'unlabeled_first',
                            'unlabeled_second',
                        ],
                        ramp=0.1,
                        start=0.0625,
                        type='WeakMaskObjective',
                        weight=0.4))),
            train_dataloader=dict(
                dataset=dict(
                    sources=dict(
                        unlabeled=dict(
                            _delete_=True,
                            pipeline=[
                                dict(type='LoadImageFromFile'),
                                dict(store=None, type='LoadPseudoMask'),
                                dict(
                                    shared=[
                                        dict(
                                            align=8,
                                            crop_size=(
                                                32,
                                                40,
                                            ),
                                            iou_range=(
                                                0.1,
                                                1.0,
                                            ),
                                            type='DrawTwoCrops'),
                                    ],
                                    type='MultiView',
                                    views=dict(
                                        unlabeled_first=[
                                            dict(
                                                crop_size=(
                                                    32,
                                                    40,
                                                ),
                                                type='TakeCrop',
                                                which=0),
                                            dict(prob=0.5, type='RandomFlip'),
                                            dict(
                                                brightness=0.4,
                                                contrast=0.4,
                                                hue=0.1,
                                                prob=0.8,
                                                saturation=0.4,
                                                type='ColorJitter'),
                                            dict(
                                                channel_weights=(
                                                    0.114,
                                                    0.587,
                                                    0.299,
                                                ),
                                                keep_channels=True,
                                                prob=0.2,
                                                type='RandomGrayscale'),
                                            dict(
                                                kernel_size=5,
                                                prob=0.5,
                                                type='RandomGaussianBlur'),
                                            dict(type='PackPseudoMask'),
                                        ],
                                        unlabeled_second=[
                                            dict(
                                                crop_size=(
                                                    32,
                                                    40,
                                                ),
                                                type='TakeCrop',
                                                which=1),
                                            dict(prob=0.5, type='RandomFlip'),
                                            dict(
                                                brightness=0.4,
                                                contrast=0.4,
                                                hue=0.1,
                                                prob=0.8,
                                                saturation=0.4,
                                                type='ColorJitter'),
                                            dict(
                                                channel_weights=(
                                                    0.114,
                                                    0.587,
                                                    0.299,
                                                ),
                                                keep_channels=True,
                                                prob=0.2,
                                                type='RandomGrayscale'),
                                            dict(
                                                kernel_size=5,
                                                prob=0.5,
                                                type='RandomGaussianBlur'),
                                            dict(type='PackPseudoMask'),
                                        ])),
                            ],
                            store='{pseudo_masks}',
                            type='PseudoMaskDataset'))))),
        name='segmentor',
        pseudo_masks=dict(kind='cams', sources=[
            'weak',
        ])),
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
                images_of=dict(
                    allow_missing=True,
                    ann_file='labels.txt',
                    classes=[
                        'background',
                        'object',
                    ],
                    data_prefix=dict(img_path='photos'),
                    pipeline=[],
                    type='WeakLabelDataset'),
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
