composed = dict(
    notes=[
        'encoder dinov3-convnext-tiny: TransformersBackbone, UPerHead in place of ResNet, FCNHead',
        'AdamW at 0.0001 for the head and 1e-05 for the encoder in place of SGD; its schedules end at 0',
        'a step of one process: 2 labeled, 2 unlabeled images',
    ],
    source=dict(
        encoder=[
            'dinov3-convnext-tiny',
            'weights',
        ],
        method='cutmix',
        unlabeled=[
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
            mix='cutmix',
            threshold=0.95,
            type='ConsistencyObjective',
            weight=1.0)),
    segmentor=dict(
        backbone=dict(
            arch='dinov3-convnext-tiny',
            type='TransformersBackbone',
            weights='weights'),
        data_preprocessor=dict(
            bgr_to_rgb=True,
            mean=[
                123.675,
                116.28,
                103.53,
            ],
            seg_pad_val=255,
            size=(
                32,
                40,
            ),
            std=[
                58.395,
                57.12,
                57.375,
            ],
            type='SegDataPreProcessor'),
        decode_head=dict(
            align_corners=False,
            channels=512,
            dropout_ratio=0.1,
            in_channels=[
                96,
                192,
                384,
                768,
            ],
            in_index=[
                0,
                1,
                2,
                3,
            ],
            loss_decode=dict(type='CrossEntropyLoss'),
            norm_cfg=dict(requires_grad=True, type='SyncBN'),
            num_classes=2,
            pool_scales=(
                1,
                2,
                3,
                6,
            ),
            type='UPerHead'),
        test_cfg=dict(mode='whole'),
        train_cfg=dict(),
        type='EncoderDecoder'),
    teacher=dict(momentum=0.99),
    test_cfg=dict(predict_with='teacher'),
    type='SemiSegmentor')
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(
        optimizer=dict(
            betas=(
                0.9,
                0.999,
            ), lr=0.0001, type='AdamW', weight_decay=0.01),
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))))
param_scheduler = [
    dict(
        begin=0, by_epoch=False, end=4, eta_min=0.0, power=0.9, type='PolyLR'),
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
                                    kernel_size=5,
                                    prob=0.5,
                                    type='RandomGaussianBlur'),
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
