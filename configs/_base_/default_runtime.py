default_scope = "mmseg"
custom_imports = dict(imports=["mmseg_semisup"], allow_failed_imports=False)

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
randomness = dict(seed=0)

default_hooks = dict(
    # Loss values reach the log without a wait for the GPU in every step.
    runtime_info=dict(type="DeferredInfoHook"),
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    # A schedule sets the interval. A model that validates student and teacher sets
    # save_best='teacher/mIoU'.
    checkpoint=dict(
        type="AtomicCheckpointHook",
        by_epoch=False,
        interval=2000,
        max_keep_ckpts=2,
        save_best="mIoU",
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="SegVisualizationHook"),
    # Warns of a discriminator that has won, of predictions of one class, and of an
    # empty selection.
    health=dict(type="HealthHook"),
)
custom_hooks = [
    # Mistakes in lists, images and masks stop training before it begins; level='full'
    # looks at all pixels, too, 'off' at nothing.
    dict(type="DataCheckHook", level="cheap"),
    # Does nothing for a model without a teacher.
    dict(type="TeacherUpdateHook"),
]

vis_backends = [dict(type="LocalVisBackend")]
visualizer = dict(
    type="SegLocalVisualizer", vis_backends=vis_backends, name="visualizer"
)
log_processor = dict(by_epoch=False)
log_level = "INFO"
load_from = None
resume = False
