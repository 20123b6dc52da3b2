composed = dict(
    notes=[
        'stage1: a step of one process: 2 labeled images',
        'stage2: a step of one process: 2 labeled, 2 pseudo images',
    ],
    source=dict(method='st', unlabeled=[
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
            train_dataloader=dict(
                batch_size=2,
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
                            type='FolderDataset'))),
                sampler=dict(ratio=dict(_delete_=True, labeled=1)))),
        name='stage1'),
    dict(
        changes=dict(
            model=dict(
                average_losses=True,
                objectives=dict(
                    pseudo=dict(
                        branch='pseudo',
                        joint=[
                            'labeled',
                        ],
                        type='SupervisedObjective'))),
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
                        pseudo=dict(
                            pipeline=[
                                dict(type='LoadImageFromFile'),
                                dict(type='LoadAnnotations'),
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
                                    views=dict(pseudo=[
                                        dict(
                                            brightness=0.5,
                                            contrast=0.5,
                                            hue=0.25,
                                            prob=0.8,
                                            saturation=0.5,
                                            type='ColorJitter'),
                                        dict(
                                            keep_channels=True,
                                            prob=0.2,
                                            type='RandomGrayscale'),
                                        dict(
                                            kernel_size=13,
                                            prob=0.5,
                                            sigma=(
                                                0.1,
                                                2.0,
                                            ),
                                            type='RandomGaussianBlur'),
                                        dict(
                                            area=(
                                                0.02,
                                                0.4,
                                            ),
                                            aspect=(
                                                0.3,
                                                3.3333333333333335,
                                            ),
                                            prob=0.5,
                                            type='NoiseCutout'),
                                        dict(type='PackSegInputs'),
                                    ])),
                            ],
                            store='{pseudo_masks}',
                            type='PseudoMaskDataset'))),
                sampler=dict(ratio=dict(_delete_=True, labeled=1, pseudo=1)))),
        name='stage2',
        pseudo_masks=dict(
            flip=True,
            mode='whole',
            network='student',
            scales=[
                0.5,
                0.75,
                1.0,
                1.5,
                2.0,
            ],
            sources=[
                'unlabeled',
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
