# What the trainings have in common that made the checkpoints beside this file. It is as
# it was then, objectives in a list included: such configs go on working.
custom_imports = dict(imports=["mmseg_semisup"], allow_failed_imports=False)
default_scope = "mmseg"
norm_cfg = dict(type="GN", num_groups=2)
preprocessor = dict(
    type="SemiDataPreprocessor", mean=[127.0] * 3, std=[64.0] * 3, bgr_to_rgb=True
)
backbone = dict(
    type="UNet",
    base_channels=4,
    num_stages=2,
    strides=(1, 1),
    enc_num_convs=(1, 1),
    dec_num_convs=(1,),
    downsamples=(True,),
    enc_dilations=(1, 1),
    dec_dilations=(1,),
)
decode_head = dict(
    type="FCNHead",
    in_channels=4,
    channels=8,
    in_index=1,
    num_convs=1,
    num_classes=4,
    dropout_ratio=0.1,
    norm_cfg=norm_cfg,
    loss_decode=dict(type="PixelCrossEntropy"),
)
model = dict(
    type="SemiSegmentor",
    data_preprocessor=preprocessor,
    segmentor=dict(
        type="EncoderDecoder",
        backbone=backbone,
        decode_head=decode_head,
        train_cfg=dict(),
        test_cfg=dict(mode="whole"),
    ),
    teacher=dict(momentum=0.9),
    objectives=[],
)

data_root = "golden_data"
crop_size = (24, 24)
load = dict(type="LoadImageFromFile")
annotations = dict(type="LoadAnnotations")
pseudo_mask = dict(type="LoadPseudoMask", store=None)
flip = dict(type="RandomFlip", prob=0.5)
colors = dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
pack = dict(type="PackPseudoMask")
masks = dict(
    type="BaseSegDataset",
    data_root=data_root,
    data_prefix=dict(img_path="images", seg_map_path="masks"),
    img_suffix=".png",
    seg_map_suffix=".png",
    metainfo=dict(
        classes=["ground", "cat", "dog", "cow"],
        palette=[[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]],
    ),
)
test_pipeline = [load, annotations, dict(type="PackSegInputs")]
first = dict(type="TakeCrop", which=0, crop_size=crop_size)
second = dict(type="TakeCrop", which=1, crop_size=crop_size)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type="SourceSampler", ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type="branch_collate"),
    dataset=dict(
        type="SemiDataset",
        sources=dict(
            labeled=dict(
                **masks,
                ann_file="splits/labeled.txt",
                pipeline=[
                    load,
                    annotations,
                    pseudo_mask,
                    dict(type="RandomCrop", crop_size=crop_size),
                    flip,
                    pack,
                ],
            ),
            unlabeled=dict(
                **masks,
                ann_file="splits/unlabeled.txt",
                pipeline=[
                    load,
                    annotations,
                    pseudo_mask,
                    dict(
                        type="MultiView",
                        shared=[
                            dict(
                                type="DrawTwoCrops",
                                crop_size=crop_size,
                                iou_range=(0.3, 1.0),
                                align=2,
                            )
                        ],
                        views=dict(
                            unlabeled=[first, flip, pack],
                            unlabeled_second=[second, flip, colors, pack],
                            unlabeled_strong=[first, colors, pack],
                        ),
                    ),
                ],
            ),
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(**masks, ann_file="splits/val.txt", pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator

optim_wrapper = dict(
    constructor="JointOptimWrapperConstructor",
    segmentor=dict(optimizer=dict(type="SGD", lr=0.05, momentum=0.9)),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.5, begin=0, end=2, by_epoch=False),
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=2, end=8, by_epoch=False),
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=8, val_interval=4)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
default_hooks = dict(
    runtime_info=dict(type="DeferredInfoHook"),
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=3, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(
        type="AtomicCheckpointHook", by_epoch=False, interval=4, save_last=False
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    health=dict(type="HealthHook"),
)
custom_hooks = [dict(type="TeacherUpdateHook")]
log_processor = dict(by_epoch=False)
log_level = "ERROR"
randomness = dict(seed=0)
visualizer = dict(type="Visualizer", vis_backends=[])
