composed = dict(
    notes=[
        'encoder dinov2-small: TransformersBackbone, UniMatchDPTHead in place of ResNet, FCNHead',
        'crops of 28x42 pixels in place of 32x40: multiples of the patch of 14',
        'tested images are padded to multiples of 14 pixels',
        'AdamW at 0.0002 for the head and 5e-06 for the encoder in place of SGD; its schedules end at 0',
        'a step of one process: 2 labeled, 2 unlabeled images',
    ],
    source=dict(
        encoder='dinov2-small', method='unimatch_v2', unlabeled=[
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
    labeled_weight=0.5,
    objectives=dict(
        unimatch=dict(
            perturb=dict(type='ComplementaryDropout', untouched=0.5),
            strong=[
                'unlabeled_strong',
                'unlabeled_strong_2',
            ],
            threshold=0.95,
            type='UniMatchObjective',
            weight=0.5)),
    segmentor=dict(
        backbone=dict(
            arch='dinov2-small',
            type='TransformersBackbone',
            weights='pretrained/dinov2_vits14_pretrain.pth'),
        data_preprocessor=dict(
            bgr_to_rgb=True,
            mean=[
                123.675,
                116.28,
                103.53,
            ],
            seg_pad_val=255,
            size=(
                28,
                42,
            ),
            std=[
                58.395,
                57.12,
                57.375,
            ],
            test_cfg=dict(size_divisor=14),
            type='SegDataPreProcessor'),
        decode_head=dict(
            channels=64,
            in_channels=384,
            loss_decode=dict(type='CrossEntropyLoss'),
            num_classes=2,
            out_channels=[
                48,
                96,
                192,
                384,
            ],
            type='UniMatchDPTHead'),
        test_cfg=dict(mode='whole'),
        train_cfg=dict(),
        type='EncoderDecoder'),
    teacher=dict(momentum=0.996, ramp=True),
    test_cfg=dict(predict_with='teacher'),
    type='SemiSegmentor')
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(
        optimizer=dict(
            betas=(
                0.9,
                0.999,
            ), lr=0.0002, type='AdamW', weight_decay=0.01),
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.025)))))
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
                            28,
                            42,
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
                                    28,
                                    42,
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
