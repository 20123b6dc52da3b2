composed = dict(
    notes=[
        'a step of one process: 2 labeled, 2 unlabeled images',
    ],
    source=dict(method='u2pl', unlabeled=[
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
        save_best='teacher/mIoU',
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
    objectives=dict(
        consistency=dict(
            joint=[
                'labeled',
            ],
            loss=dict(type='ReliableCrossEntropy'),
            mix=dict(area=(
                0.5,
                0.5,
            ), probability=0.5, type='CutMix'),
            select=dict(type='EntropyPercentile', unreliable=0.2),
            start=0.0125,
            student_branch='unlabeled',
            type='ConsistencyObjective',
            weight=1.0),
        contrast=dict(
            joint=[
                'labeled',
            ],
            memory_size=30000,
            num_anchors=256,
            num_negatives=50,
            of='consistency',
            projector=dict(channels=256),
            ranks=(
                3,
                20,
            ),
            start=0.0125,
            temperature=0.5,
            threshold=0.3,
            type='ClassContrastObjective',
            unreliable=0.2,
            weight=0.1)),
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
    teacher=dict(momentum=[
        (
            0,
            0.0,
        ),
        (
            0.025,
            0.99,
        ),
    ]),
    test_cfg=dict(predict_with='teacher'),
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
val_cfg = dict(type='TeacherStudentValLoop')
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
