# 3300 iterations of SGD with cosine decay: 100 epochs over 529 labelled images in
# batches of 16, as the published code of Mittal et al. 2019.
optim_wrapper = dict(
    constructor="JointOptimWrapperConstructor",
    precision="float32",
    accumulative_counts=1,
    segmentor=dict(
        optimizer=dict(
            type="SGD", lr=0.03, momentum=0.9, nesterov=True, weight_decay=1e-5
        ),
        clip_grad=None,
    ),
)
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-4, begin=0, end=3300, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=3300, val_interval=1100)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
