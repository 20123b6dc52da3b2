# 20000 iterations of SGD with polynomial decay; the classifier learns ten times as fast
# as the backbone: what AdvSemiSeg (Table 9) and its successors train DeepLabv2 with.
# A method with a discriminator adds optim_wrapper.discriminator; the decay below goes
# for it, too.
optim_wrapper = dict(
    constructor="JointOptimWrapperConstructor",
    precision="float32",
    accumulative_counts=1,
    segmentor=dict(
        optimizer=dict(
            type="SGD", lr=2.5e-4, momentum=0.9, nesterov=True, weight_decay=1e-4
        ),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
        clip_grad=None,
    ),
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=20000, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=20000, val_interval=2000)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
