composed = dict(
    notes=[
        'a step of one process: 2 labeled, 2 unlabeled, 2 partner images',
    ],
    source=dict(method='prevmatch_best', unlabeled=[
        'photos',
    ]))
custom_hooks = [
    dict(allow=[
        'missing-class',
    ], level='cheap', type='DataCheckHook'),
    dict(type='TeacherUpdateHook'),
    dict(metric='mIoU', type='NewBestHook'),
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
    average_losses=True,
    labeled_weight=1.0,
    networks=dict(
        previous_1=dict(every='best', interval=8, offset=1, type='Snapshot'),
        previous_2=dict(every='best', interval=8, offset=2, type='Snapshot'),
        previous_3=dict(every='best', interval=8, offset=3, type='Snapshot'),
        previous_4=dict(every='best', interval=8, offset=4, type='Snapshot'),
        previous_5=dict(every='best', interval=8, offset=5, type='Snapshot'),
        previous_6=dict(every='best', interval=8, offset=6, type='Snapshot'),
        previous_7=dict(every='best', interval=8, offset=7, type='Snapshot'),
        previous_8=dict(every='best', interval=8, offset=0, type='Snapshot')),
    objectives=dict(
        previous=dict(
            labels_from=dict(
                evaluation=True,
                members=(
                    1,
                    3,
                ),
                networks=[
                    'previous_1',
                    'previous_2',
                    'previous_3',
                    'previous_4',
                    'previous_5',
                    'previous_6',
                    'previous_7',
                    'previous_8',
                ],
                type='Ensemble',
                weights='dirichlet'),
            of='unimatch',
            peak=0.5,
            threshold=0.9,
            type='FurtherLabelsObjective',
            weight=1.0),
        unimatch=dict(
            feature_perturb=dict(probability=0.5, type='ChannelDropout'),
            feature_share=0.5,
            labels_from='student',
            mix=dict(
                area=(
                    0.02,
                    0.4,
                ),
                aspect=(
                    0.3,
                    3.3333333333333335,
                ),
                pairing='same',
                probability=0.5,
                type='CutMix'),
            partners=dict(
                unlabeled='partner',
                unlabeled_strong='partner_strong',
                unlabeled_strong_2='partner_strong_2'),
            partners_from=dict(
                evaluation=True, network='student', type='NetworkLabels'),
            strong=[
                'unlabeled_strong',
                'unlabeled_strong_2',
            ],
            threshold=0.95,
            type='UniMatchObjective',
            weak_joint=[
                'labeled',
            ],
            weight=1.0)),
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
    batch_size=6,
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
            partner=dict(
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
                        views=dict(
                            partner=[
                                dict(type='PackSegInputs'),
                            ],
                            partner_strong=[
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
                                dict(type='PackSegInputs'),
                            ],
                            partner_strong_2=[
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
                                dict(type='PackSegInputs'),
                            ])),
                ],
                type='UnlabeledDataset'),
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
                        views=dict(
                            unlabeled=[
                                dict(type='PackSegInputs'),
                            ],
                            unlabeled_strong=[
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
                                dict(type='PackSegInputs'),
                            ],
                            unlabeled_strong_2=[
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
                                dict(type='PackSegInputs'),
                            ])),
                ],
                type='UnlabeledDataset')),
        type='SemiDataset'),
    num_workers=0,
    sampler=dict(
        ratio=dict(labeled=1, partner=1, unlabeled=1), type='SourceSampler'))
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
