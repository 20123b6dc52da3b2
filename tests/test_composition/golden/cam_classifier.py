composed = dict(
    notes=[
        'learning rate 0.25 of MultiLabelMeanTeacher: 1 is for 8 labelled images in a step, and yours has 2',
        'a step of one process: 2 labeled, 2 weak images',
        "1 of the config's 4 iterations",
    ],
    source=dict(method='cam_classifier', weak=[
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
    type='MultiLabelMeanTeacher')
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(
        optimizer=dict(lr=0.25, momentum=0.9, type='SGD', weight_decay=0.0001),
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))))
param_scheduler = dict(segmentor=[
    dict(
        begin=0, by_epoch=False, end=2, eta_min=0.0, power=0.9, type='PolyLR'),
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
                type='WeakLabelDataset')),
        type='SemiDataset'),
    num_workers=0,
    sampler=dict(ratio=dict(labeled=1, weak=1), type='SourceSampler'))
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
            dict(type='PackImageLabels'),
        ],
        test_mode=True,
        type='FolderDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
val_evaluator = [
    dict(folds=5, type='MultiLabelMetric'),
]
